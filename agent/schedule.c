/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "schedule.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collector/base.h"
#include "collector/clock.h"
#include "log.h"

#define SYSTEMD_RUN "/usr/bin/systemd-run"
#define MAX_PLACES 32
#define MAX_WORDS 64
#define PATIENCE_NS (10 * NSEC_PER_SEC)	/* to clean up, when it is told to end */

struct schedule {
	const struct config *config;
	char program[4096];
	char places_text[CONFIG_STRING], options_text[CONFIG_STRING];
	char *places[MAX_PLACES], *options[MAX_WORDS];
	unsigned int n_places, n_options, at;
	pid_t pid;		/* the probe at hand; 0: none */
	uint64_t next_ns, began_ns;
	bool asked_to_end;
};

static void schedule_freep(struct schedule **s)
{
	*s = schedule_free(*s);
}

static unsigned int split(char *text, char **words, unsigned int max)
{
	unsigned int n = 0;
	char *save = NULL;

	for (char *word = strtok_r(text, " \t", &save); word && n < max;
	     word = strtok_r(NULL, " \t", &save))
		words[n++] = word;
	return n;
}

/* Beside this program as it was built, or where it is installed. */
static int find_program(char *ret, size_t size)
{
	static const char *const from_here[] = { "taplossctl", "../bin/taplossctl" };
	char here[2048];
	ssize_t n = readlink("/proc/self/exe", here, sizeof(here) - 1);
	char *slash;

	here[n > 0 ? n : 0] = '\0';
	slash = strrchr(here, '/');
	if (!slash)
		return -ENOENT;
	slash[1] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(from_here); i++) {
		snprintf(ret, size, "%s%s", here, from_here[i]);
		if (access(ret, X_OK) == 0)
			return 0;
	}
	return -ENOENT;
}

int schedule_new(const struct config *config, struct schedule **ret)
{
	_cleanup_(schedule_freep) struct schedule *s = NULL;

	*ret = NULL;
	if (!config->probe_where[0])
		return 0;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->config = config;
	if (find_program(s->program, sizeof(s->program)) < 0) {
		log_error("[probe] where is set, but taplossctl was not found: no probes are run");
		return -ENOENT;
	}
	strcpy(s->places_text, config->probe_where);
	strcpy(s->options_text, config->probe_options);
	s->n_places = split(s->places_text, s->places, MAX_PLACES);
	s->n_options = split(s->options_text, s->options, MAX_WORDS);
	s->next_ns = mono_ns() + config->probe_first_s * NSEC_PER_SEC;
	*ret = TAKE_PTR(s);
	return 0;
}

/* Its signals are not ours: those are blocked for the loop, and SIGPIPE is ignored. */
static int spawn(struct schedule *s, char *const *argv)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, standard;
	int r;

	sigemptyset(&none);
	sigemptyset(&standard);
	sigaddset(&standard, SIGPIPE);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &standard);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	r = -posix_spawn(&s->pid, argv[0], &files, &attr, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	if (r < 0)
		s->pid = 0;
	return r;
}

static unsigned int add_words(char **argv, unsigned int n, const char *const *words)
{
	for (; *words; words++)
		argv[n++] = (char *)*words;
	return n;
}

/* The unit of the agent hides kernel modules and /tmp, and a probe boots a kernel of its own: it
 * runs in a unit of its own, which the service manager ends with the agent's. */
static unsigned int add_unit(char **argv, char limit[static 40], unsigned int budget_s)
{
	if (!getenv("INVOCATION_ID") || access("/run/systemd/system", F_OK) < 0 ||
	    access(SYSTEMD_RUN, X_OK) < 0)
		return 0;
	snprintf(limit, 40, "RuntimeMaxSec=%u",
		 budget_s + (unsigned int)(PATIENCE_NS / NSEC_PER_SEC));
	return add_words(argv, 0,
			 (const char *const[]){ SYSTEMD_RUN, "--quiet", "--wait", "--collect",
						"--no-ask-password",
						"--description=Scheduled probe of taplossd", "-p",
						"PartOf=taplossd.service", "-p", limit, "--",
						NULL });
}

/* One of a kernel's own options may be given again: the last one counts. */
static void start(struct schedule *s)
{
	const struct config *c = s->config;
	char uris[CONFIG_STRING], frames[16], rate[16];
	const char *uri[CONFIG_MAX_URIS] = { "qemu:///system" };
	char *argv[MAX_WORDS + 32], limit[40];
	unsigned int n = add_unit(argv, limit, c->probe_budget_s);
	int r;

	config_uris(c, uris, uri);
	snprintf(frames, sizeof(frames), "%u", c->probe_frames);
	snprintf(rate, sizeof(rate), "%u", c->probe_rate);
	n = add_words(argv, n,
		      (const char *const[]){ s->program, "--store", c->store, "--json", "probe",
					     "run", s->places[s->at], "--connect", uri[0],
					     "--frames", frames, "--rate", rate, NULL });
	for (unsigned int i = 0; i < s->n_options; i++)
		argv[n++] = s->options[i];
	argv[n] = NULL;
	r = spawn(s, argv);
	if (r < 0)
		log_error("cannot start the probe of %s: %s: %s", s->places[s->at], s->program,
			  strerror(-r));
	else
		log_info("probe of %s started", s->places[s->at]);
	s->began_ns = mono_ns();
	s->asked_to_end = false;
}

/* The next place follows at once; after the last one there is a pause until the first one's turn
 * comes again. */
static void ended(struct schedule *s, int status)
{
	const char *place = s->places[s->at];

	if (s->asked_to_end)
		log_warning("probe of %s ended: it took longer than %u s", place,
			    s->config->probe_budget_s);
	else if (status)
		log_warning("probe of %s failed; see taplossctl probe list", place);
	else
		log_info("probe of %s succeeded", place);
	s->pid = 0;
}

static void step(struct schedule *s)
{
	s->at = (s->at + 1) % s->n_places;
	if (s->at == 0)
		s->next_ns += s->config->probe_every_min * NSEC_PER_MIN;
	/* all of them together took longer: no backlog */
	if (s->at == 0 && s->next_ns < mono_ns())
		s->next_ns = mono_ns() + s->config->probe_every_min * NSEC_PER_MIN;
}

static void look_after(struct schedule *s)
{
	uint64_t budget = s->config->probe_budget_s * NSEC_PER_SEC, now = mono_ns();
	int status = 0;

	if (waitpid(s->pid, &status, WNOHANG) != 0) {
		ended(s, status);
		step(s);
	} else if (now > s->began_ns + budget + PATIENCE_NS) {
		kill(s->pid, SIGKILL);
	} else if (now > s->began_ns + budget && !s->asked_to_end) {
		s->asked_to_end = true;
		kill(s->pid, SIGTERM);
	}
}

void schedule_tick(struct schedule *s)
{
	if (!s || !s->n_places)
		return;
	if (s->pid) {
		look_after(s);
		return;
	}
	if (mono_ns() < s->next_ns)
		return;
	start(s);
	if (!s->pid)
		step(s);
}

struct schedule *schedule_free(struct schedule *s)
{
	uint64_t end = mono_ns() + PATIENCE_NS;

	if (s && s->pid) {
		kill(s->pid, SIGTERM);
		while (waitpid(s->pid, NULL, WNOHANG) == 0) {
			usleep(20000);
			if (mono_ns() > end)
				kill(s->pid, SIGKILL);
		}
	}
	free(s);
	return NULL;
}
