/* SPDX-License-Identifier: GPL-2.0-or-later */
/* taplossd - counts the packets that virtual machines lose between host and guest, and keeps the
 * record. Options are read here; README.md in this folder is the map of the rest. */

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "collector/loss/loss.h"
#include "collector/source/drop_monitor.h"
#include "agent.h"
#include "log.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };
enum {
	OPT_STORE = 256,
	OPT_CONFIG,
	OPT_INTERVAL,
	OPT_LIBVIRT,
	OPT_VERSION,
	OPT_CHECK,
	OPT_PRINT,
	OPT_UNPIN,
	OPT_HELP
};

static const struct option options[] = {
	{ "store", required_argument, NULL, OPT_STORE },
	{ "config", required_argument, NULL, OPT_CONFIG },
	{ "interval", required_argument, NULL, OPT_INTERVAL },
	{ "libvirt", required_argument, NULL, OPT_LIBVIRT },
	{ "check-config", no_argument, NULL, OPT_CHECK },
	{ "print-config", no_argument, NULL, OPT_PRINT },
	{ "unpin", no_argument, NULL, OPT_UNPIN },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ "help", no_argument, NULL, OPT_HELP },
	{ 0 },
};

static const char usage_text[] =
	"usage: taplossd [--store DIR] [--config FILE] [--interval MS] [--libvirt URI|none]...\n"
	"       taplossd --check-config | --print-config | --unpin | --version | --help\n"
	"Counts the packets that virtual machines lose at tap, tun, macvtap and vhost-net.\n"
	"Runs in the foreground.\n"
	"  --store DIR      directory of the store (default: /var/lib/taploss)\n"
	"  --config FILE    configuration file (default: " CONFIG_DEFAULT_FILE ", if it exists)\n"
	"  --interval MS    interval at which loss is read and stored, in milliseconds, 100 to\n"
	"                   60000 (default: 1000)\n"
	"  --libvirt URI    libvirt URI to list domains from; may be given several times;\n"
	"                   none: find VMs in /proc only\n"
	"  --check-config   check the configuration and exit\n"
	"  --print-config   print every key with its description and current value, and exit\n"
	"  --unpin          remove the counters pinned in the kernel and exit\n";

/* What the command line asks for. Values override the file, so they are kept until it is read. */
struct request {
	const char *config_file, *store, *interval;
	char uris[CONFIG_STRING];
	int action;		/* an OPT_, 0: run */
};

static int usage_error(const char *what)
{
	fprintf(stderr, "taplossd: %s; see taplossd --help\n", what);
	return -EINVAL;
}

static int add_uri(struct request *rq, const char *uri)
{
	size_t n = strlen(rq->uris);

	if (!*uri || n + strlen(uri) + 2 > sizeof(rq->uris))
		return usage_error("--libvirt takes a URI or none");
	snprintf(rq->uris + n, sizeof(rq->uris) - n, "%s%s", n ? " " : "", uri);
	return 0;
}

static int parse(int argc, char **argv, struct request *rq)
{
	int opt, r = 0;

	opterr = 0;	/* one line is ours */
	while (r >= 0 && (opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case OPT_STORE:
			rq->store = optarg;
			break;
		case OPT_CONFIG:
			rq->config_file = optarg;
			break;
		case OPT_INTERVAL:
			rq->interval = optarg;
			break;
		case OPT_LIBVIRT:
			r = add_uri(rq, optarg);
			break;
		case '?':
			fprintf(stderr,
				"taplossd: unknown option \"%s\", or its argument is missing; see "
				"taplossd --help\n",
				argv[optind - 1]);
			return -EINVAL;
		default:
			rq->action = opt;
		}
	}
	if (r >= 0 && optind < argc)
		return usage_error("takes no arguments without an option");
	return r;
}

static int override(struct config *c, const char *key, const char *option, const char *value)
{
	char why[CONFIG_WHY];

	if (!value || config_set(c, key, value, why) >= 0)
		return 0;
	fprintf(stderr, "taplossd: %s: %s; see taplossd --help\n", option, why);
	return -EINVAL;
}

/* The file named on the command line must exist; the default one need not. *ret_file: the one that
 * was read, or NULL. */
static int configure(const struct request *rq, struct config *c, const char **ret_file)
{
	const char *file = rq->config_file ? rq->config_file : CONFIG_DEFAULT_FILE;
	char why[CONFIG_WHY];
	int r;

	config_defaults(c);
	r = config_read(file, c, why);
	if (r < 0 && (r != -ENOENT || rq->config_file)) {
		fprintf(stderr, "taplossd: %s\n", why);
		return r;
	}
	*ret_file = r < 0 ? NULL : file;
	if (override(c, "store.directory", "--store", rq->store) < 0 ||
	    override(c, "agent.interval_ms", "--interval", rq->interval) < 0 ||
	    override(c, "libvirt.uri", "--libvirt", rq->uris[0] ? rq->uris : NULL) < 0)
		return -EINVAL;
	if (!c->store[0]) {
		fputs("taplossd: no directory is set for the store; give --store DIR\n", stderr);
		return -EINVAL;
	}
	return 0;
}

static int run(const struct config *c, const char *config_file)
{
	struct agent *a = NULL;
	int r;

	log_set_level(c->log_level);
	umask(027);
	/* libvirt's client writes to a daemon that may have gone, and leaves this to us */
	signal(SIGPIPE, SIG_IGN);
	r = agent_new(c, config_file, &a);
	if (r < 0)
		return EXIT_FAILED;
	r = agent_run(a);
	agent_free(a);
	return r < 0 ? EXIT_FAILED : EXIT_OK;
}

static int unpin(const struct config *c)
{
	int r = loss_unpin(c->pin_dir);

	if (netdm_sweep(c->store) < 0)
		fprintf(stderr,
			"taplossd: cannot disable the drop monitor that a killed agent left "
			"enabled\n");
	if (r < 0) {
		fprintf(stderr, "taplossd: %s: %s; run it as root, with no agent running\n",
			c->pin_dir, strerror(-r));
		return EXIT_FAILED;
	}
	return EXIT_OK;
}

int main(int argc, char **argv)
{
	struct request rq = { 0 };
	const char *config_file = NULL;
	struct config c;

	if (parse(argc, argv, &rq) < 0)
		return EXIT_USAGE;
	if (rq.action == OPT_HELP)
		return fputs(usage_text, stdout) < 0 ? EXIT_FAILED : EXIT_OK;
	if (rq.action == OPT_VERSION)
		return printf("taplossd %s\n", TAPLOSS_VERSION) < 0 ? EXIT_FAILED : EXIT_OK;
	if (configure(&rq, &c, &config_file) < 0)
		return EXIT_USAGE;
	if (rq.action == OPT_CHECK)
		return EXIT_OK;
	if (rq.action == OPT_PRINT) {
		config_print(stdout, &c);
		return EXIT_OK;
	}
	return rq.action == OPT_UNPIN ? unpin(&c) : run(&c, config_file);
}
