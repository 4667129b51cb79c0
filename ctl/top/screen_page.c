/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "screen_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collector/base.h"
#include "collector/alloc.h"
#include "ctl/print/text.h"

static const char *const help[] = {
	"Each row is the loss of a VM in one direction (rx: to the guest, tx: from it):",
	"  NOW/s   frames per second, over the last 5 seconds",
	"  LOST    share of the frames offered in the window; for a queue, its share",
	"          of the loss of the NIC",
	"  CLASS   the class with the most loss; +1: one more class",
	"  BURSTS  runs of lost frames less than 10 ms apart; LONGEST: the longest one",
	"Loss on the way to the tap, and benign loss (the VM did not run, a ring was",
	"emptied, a device was not ready), is listed apart, below harmful loss. The pane",
	"at the bottom shows the selected row over time, and when its bursts began.",
	"",
	"  Up Down k j, PgUp PgDn, Home End g G    move",
	"  Enter Right l     open: VM, NIC, queue, bursts",
	"  Esc Left Backspace    go back",
	"  F4 F3 / \\         filter: VM, UUID, NIC, state, class, reason, place",
	"  F6 > <            sort by another column; I: reverse the order",
	"  w W + -           longer or shorter window",
	"  B                 show or hide benign loss",
	"  a                 show or hide VMs without loss",
	"  p                 pause or resume updates",
	"  d F2              diagnose the VM: why, and what helps",
	"  F5 Ctrl-L         refresh the data and the screen",
	"  F1 h ?            this help",
	"  q F10             quit",
};

static void add_line(struct page *p, const char *text)
{
	if (alloc_double(p->lines, p->n) < 0)
		abort();
	p->lines[p->n++] = must(strdup(text));
}

void page_free(struct page *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->lines[i]);
	free(p->lines);
	*p = (struct page){ 0 };
}

void page_help(struct page *p)
{
	page_free(p);
	p->title = "help";
	for (size_t i = 0; i < ARRAY_SIZE(help); i++)
		add_line(p, help[i]);
}

/* Reads what a child writes, line by line. */
static void take_lines(struct page *p, int fd)
{
	_cleanup_(freep) char *line = NULL;
	FILE *f = fdopen(fd, "r");
	size_t size = 0;
	ssize_t n;

	if (!f) {
		close(fd);
		return;
	}
	while ((n = getline(&line, &size, f)) >= 0) {
		if (n && line[n - 1] == '\n')
			line[n - 1] = '\0';
		add_line(p, line);
	}
	fclose(f);
}

static void exec_diagnose(const struct screen *s, const struct reader_vm *vm, int fd)
{
	char id[64], since[64], until[64];

	snprintf(id, sizeof(id), "%s", vm->uuid ? vm->uuid : vm->name);
	snprintf(since, sizeof(since), "--since=@%.3f",
		 (double)s->board.since_ns / (double)NSEC_PER_SEC);
	snprintf(until, sizeof(until), "--until=@%.3f",
		 (double)s->board.until_ns / (double)NSEC_PER_SEC);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	execl("/proc/self/exe", "taplossctl", "--store", s->o->g->store, "--color", "never",
	      "diagnose", since, until, "--", id, (char *)NULL);
	_exit(127);
}

void page_diagnosis(struct screen *s, const struct reader_vm *vm)
{
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0) {
		snprintf(s->said, sizeof(s->said), "diagnose: %s", strerror(errno));
		return;
	}
	pid = fork();
	if (!pid)
		exec_diagnose(s, vm, fds[1]);
	close(fds[1]);
	page_free(&s->page);
	s->page.title = "diagnosis";
	if (pid < 0) {
		close(fds[0]);
		add_line(&s->page, strerror(errno));
		return;
	}
	take_lines(&s->page, fds[0]);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (!s->page.n)
		add_line(&s->page, "diagnose printed nothing");
}

static size_t page_lines(void)
{
	return LINES > 2 ? (size_t)LINES - 2 : 1;
}

/* A long line goes on below, two columns in. */
static int draw_wrapped(int y, const char *text)
{
	int indent = (int)strspn(text, " "), x = 0;
	const char *at = text;

	do {
		int room = COLS - x, len = (int)strlen(at);

		if (len > room) {
			len = room;
			while (len > room / 2 && at[len] != ' ')
				len--;
			len = len > room / 2 ? len : room;
		}
		if (y < LINES - 1) {
			char part[1024];

			snprintf(part, sizeof(part), "%.*s", len, at);
			put(y, x, COLS - x, part);
		}
		y++;
		at += len;
		at += *at == ' ';
		x = indent + 2 < COLS / 2 ? indent + 2 : 0;
	} while (*at);
	return y;
}

void page_draw(struct screen *s)
{
	char text[128];
	int y = 1;

	attrset(A_REVERSE);
	snprintf(text, sizeof(text), "taploss: %s", s->page.title);
	put_line(0, text);
	attrset(A_NORMAL);
	for (size_t i = s->page.at; i < s->page.n && y < LINES - 1; i++)
		y = draw_wrapped(y, s->page.lines[i]);
	attrset(A_REVERSE);
	put_line(LINES - 1, "Esc q  back   Up Down PgUp PgDn Home End  move");
	attrset(A_NORMAL);
}

static void scroll_by(struct page *p, long n)
{
	long at = (long)p->at + n, last = (long)p->n - 1;

	p->at = (size_t)(at < 0 ? 0 : at > last ? last : at);
}

bool page_key(struct screen *s, int key)
{
	struct page *p = &s->page;

	switch (key) {
	case KEY_UP: case 'k':
		scroll_by(p, -1);
		return true;
	case KEY_DOWN: case 'j': case '\n': case '\r': case KEY_ENTER:
		scroll_by(p, 1);
		return true;
	case KEY_PPAGE: case 'b': case 2:
		scroll_by(p, -(long)page_lines());
		return true;
	case KEY_NPAGE: case ' ': case 6:
		scroll_by(p, (long)page_lines());
		return true;
	case KEY_HOME: case 'g':
		p->at = 0;
		return true;
	case KEY_END: case 'G':
		p->at = p->n > page_lines() ? p->n - page_lines() : 0;
		return true;
	case KEY_RESIZE: case ERR:
		return true;
	default:
		page_free(p);
		return false;
	}
}
