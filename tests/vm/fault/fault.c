// SPDX-License-Identifier: GPL-2.0
/* fault - a kernel function fails on order, for kernels that were built without fault injection.
 * Test hosts only.
 *
 *   echo "FUNCTION RESULT TIMES COMM" > /sys/module/fault/parameters/fail
 *
 * makes FUNCTION return RESULT in place of doing its work, the next TIMES that a process called
 * COMM (* for any) calls it. Reading the parameter says how often it did. A FUNCTION that is not
 * there, or that cannot be probed, is refused. */
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/sched.h>

static char function[64], comm[TASK_COMM_LEN + 1];
static long result;
static atomic_t left, failed;
static struct kprobe probe;
static bool armed;

/* Where the probed function goes in place of its own first instruction. */
asm(".text\n"
    ".type fault_return, @function\n"
    "fault_return:\n"
    "	ret\n"
    "	int3\n"
    ".size fault_return, .-fault_return\n");
void fault_return(void);

static int instead(struct kprobe *p, struct pt_regs *regs)
{
	if (strcmp(comm, "*") && strcmp(comm, current->comm))
		return 0;
	if (atomic_dec_if_positive(&left) < 0)
		return 0;
	atomic_inc(&failed);
	regs->ax = result;
	regs->ip = (unsigned long)fault_return;
	return 1;	/* do not go on in the probed function */
}

/* With one, the kernel does not turn the probe into a jump, which could not change where to go on.
 */
static void afterwards(struct kprobe *p, struct pt_regs *regs, unsigned long flags)
{
}

static void disarm(void)
{
	if (armed)
		unregister_kprobe(&probe);
	armed = false;
}

static int set(const char *text, const struct kernel_param *param)
{
	int times, r;

	disarm();
	if (sscanf(text, "%63s %ld %d %16s", function, &result, &times, comm) != 4)
		return -EINVAL;
	atomic_set(&left, times);
	atomic_set(&failed, 0);
	probe = (struct kprobe){
		.symbol_name = function,
		.pre_handler = instead,
		.post_handler = afterwards,
	};
	r = register_kprobe(&probe);
	armed = !r;
	return r;
}

static int get(char *text, const struct kernel_param *param)
{
	return sprintf(text, "%d\n", atomic_read(&failed));
}

static const struct kernel_param_ops ops = { .set = set, .get = get };
module_param_cb(fail, &ops, NULL, 0600);

static int __init start(void)
{
	return 0;
}

static void __exit end(void)
{
	disarm();
}

module_init(start);
module_exit(end);
MODULE_DESCRIPTION("functions that fail on order");
MODULE_LICENSE("GPL");
