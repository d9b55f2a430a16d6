/* The program: chooses runs, has libcheck go through them, and reports. */
#include "catalogue.h"
#include "isolate.h"
#include "raw.h"
#include "report.h"
#include "supervise.h"

#include <check.h>
#include <fnmatch.h>
#include <ftw.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>

static struct testcase *testcases;
static struct run *runs;
static size_t run_count;

static struct {
    bool list, environment;
    const char *report;
    unsigned kinds, documents, repeat;
    enum { SLOW_YES, SLOW_NO, SLOW_ONLY } slow;
    enum network network;
    struct pattern {
        const char *text;
        bool is_glob, matched;
    } * patterns; /* in order of their texts */
    size_t pattern_count;
} options = {.repeat = 1};

static struct report *report;
static char scratch[512];
static pid_t program;

/* What the program's processes share: the slow runs' supervisors report by themselves. */
static struct common {
    unsigned tally[VERDICTS];
    sem_t reporting;
    int report_error;
} * common;

static _Noreturn void refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));
static _Noreturn void refuse(const char *format, ...)
{
    va_list args;

    fflush(stdout);
    fputs("conformance: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(2);
}

/* --- which runs --------------------------------------------------------------------------------- */

void enlist(struct testcase *testcase)
{
    struct testcase **at = &testcases;

    while (*at && strcmp((*at)->name, testcase->name) < 0)
        at = &(*at)->next;
    testcase->next = *at;
    *at = testcase;
}

static bool stated_in(const char *requirement, unsigned documents)
{
    const struct requirement *r = find_requirement(requirement);

    for (int d = 0; r && d < DOCUMENTS; d++)
        if (documents >> d & 1 && r->sources[d])
            return true;
    return false;
}

static int by_pattern(const void *a, const void *b)
{
    return strcmp(((const struct pattern *)a)->text, ((const struct pattern *)b)->text);
}

/* Marks the pattern that is just this word, where there is one: a batch may name thousands of runs. */
static bool is_named_as(const char *word)
{
    struct pattern *found = bsearch(&(struct pattern){.text = word}, options.patterns, options.pattern_count,
                                    sizeof *options.patterns, by_pattern);

    return found && (found->matched = true);
}

static bool is_named(const struct run *run)
{
    bool named = options.pattern_count == 0;

    named |= is_named_as(run->id);
    named |= is_named_as(run->testcase->requirement);
    named |= is_named_as(run->testcase->name);
    for (size_t i = 0; i < options.pattern_count; i++) {
        struct pattern *p = &options.patterns[i];
        if (p->is_glob &&
            (fnmatch(p->text, run->id, 0) == 0 || fnmatch(p->text, run->testcase->requirement, 0) == 0))
            named = p->matched = true;
    }
    return named;
}

static bool is_wanted(const struct testcase *t, const struct kind *k)
{
    return (options.kinds == 0 || options.kinds & k->bit) &&
           (options.documents == 0 || stated_in(t->requirement, options.documents)) &&
           (options.slow == SLOW_YES || t->slow == (options.slow == SLOW_ONLY));
}

/* Ordinary runs first, in order; then the slow ones, which are done by the time their turn comes. */
static void choose_runs(void)
{
    size_t most = 0;

    for (struct testcase *t = testcases; t; t = t->next)
        for (const struct kind *k = kinds; k->name; k++)
            most++;
    runs = calloc(most + 1, sizeof *runs);
    if (!runs)
        refuse("%s", strerror(ENOMEM));
    for (int slow = 0; slow <= 1; slow++)
        for (struct testcase *t = testcases; t; t = t->next)
            for (const struct kind *k = kinds; t->slow == slow && k->name; k++) {
                struct run *run = &runs[run_count];
                if (!(t->over & k->bit))
                    continue;
                *run = (struct run){.testcase = t, .kind = k};
                snprintf(run->id, sizeof run->id, "%s/%s", t->name, k->name);
                if (is_named(run) && is_wanted(t, k))
                    run_count++;
            }
    for (size_t i = 0; i < options.pattern_count; i++)
        if (!options.patterns[i].matched)
            refuse("no run and no requirement matches '%s'", options.patterns[i].text);
    if (run_count == 0)
        refuse("no run is left by this choice of kinds, documents and slow runs");
}

/* --- the slow runs, in the background ----------------------------------------------------------- */

static struct lane {
    pid_t pid;
    struct stage *stage;
    _Atomic unsigned finished; /* repetitions */
    sem_t progress;
} * lanes; /* one a run; for ordinary runs unused */
static struct stage *main_stage;

static void wipe_scratch(void)
{
    if (getpid() == program && chdir("/") == 0)
        rmdir(scratch);
}

static void end_lanes(void)
{
    for (size_t i = 0; i < run_count; i++)
        if (lanes[i].pid > 0) {
            kill(lanes[i].pid, SIGTERM);
            waitpid(lanes[i].pid, NULL, 0);
        }
}

static void clean_up_after(int signal)
{
    if (getpid() != program)
        _exit(1);
    end_lanes();
    wipe_scratch();
    fprintf(stderr, "conformance: interrupted\n");
    _exit(128 + signal);
}

/* Performs one repetition, and tells of it in one go: other processes of the program do so, too. */
static void perform_and_tell(struct stage *stage, size_t index, unsigned repetition)
{
    char place[640];

    snprintf(place, sizeof place, "%s/%zu", scratch, index);
    perform(stage, &runs[index], place);
    while (sem_wait(&common->reporting) == -1 && errno == EINTR)
        continue;
    common->tally[stage->verdict]++;
    if (report && !common->report_error && !report_run(report, stage, &runs[index], repetition))
        common->report_error = errno;
    if (stage->verdict == FAIL || stage->verdict == UNRESOLVED) {
        explain(stage, &runs[index]);
        fflush(stdout);
    }
    sem_post(&common->reporting);
}

static void start_lane(size_t index)
{
    struct lane *lane = &lanes[index];

    sem_init(&lane->progress, 1, 0);
    lane->stage = new_stage();
    if (!lane->stage)
        refuse("%s", strerror(errno));
    fflush(stdout);
    pid_t pid = fork();
    if (pid == -1)
        refuse("fork: %s", strerror(errno));
    if (pid > 0) {
        lane->pid = pid;
        spare(pid);
        return;
    }
    become_supervisor(program);
    isolate_again();
    for (unsigned n = 1; n <= options.repeat; n++) {
        perform_and_tell(lane->stage, index, n);
        lane->finished = n;
        sem_post(&lane->progress);
    }
    _exit(0);
}

static void await_lane(size_t index, unsigned repetition)
{
    struct lane *lane = &lanes[index];

    while (lane->finished < repetition) {
        struct timespec soon;
        clock_gettime(CLOCK_REALTIME, &soon);
        soon.tv_sec += 1;
        sem_timedwait(&lane->progress, &soon);
        interrupt_if_asked();
        if (lane->finished < repetition && waitpid(lane->pid, NULL, WNOHANG) == lane->pid)
            refuse("the supervisor of %s has ended", runs[index].id);
    }
    if (repetition == options.repeat)
        waitpid(lane->pid, NULL, 0);
}

/* --- libcheck ----------------------------------------------------------------------------------- */

static void check_run(int i)
{
    size_t index = (size_t)i / options.repeat;
    unsigned repetition = (unsigned)i % options.repeat + 1;
    const struct run *run = &runs[index];
    struct stage *stage = main_stage;

    if (lanes[index].pid) {
        await_lane(index, repetition);
        stage = lanes[index].stage;
    } else
        perform_and_tell(main_stage, index, repetition);
    if (common->report_error) {
        end_lanes();
        wipe_scratch();
        refuse("cannot write the report %s: %s", options.report, strerror(common->report_error));
    }
    if (stage->verdict == FAIL || stage->verdict == UNRESOLVED)
        _ck_assert_failed(run->testcase->file, run->testcase->line, run->testcase->requirement, "%s: %s\n%s",
                          verdict_names[stage->verdict], run->id, stage->message);
}

static bool is_asked_by_environment(void)
{
    return getenv("CK_VERBOSITY") || getenv("CK_RUN_CASE") || getenv("CK_RUN_SUITE") ||
           getenv("CK_LOG_FILE_NAME") || getenv("CK_XML_LOG_FILE_NAME") || getenv("CK_TAP_LOG_FILE_NAME");
}

static void check_all(void)
{
    Suite *suite = suite_create("conformance");
    TTest *tests = calloc(run_count, sizeof *tests);

    if (!tests)
        refuse("%s", strerror(ENOMEM));
    for (size_t i = 0; i < run_count; i++) {
        const struct testcase *t = runs[i].testcase;
        TCase *tcase = tcase_create(runs[i].id);
        tests[i] = (TTest){.name = runs[i].id, .fn = check_run, .file = t->file, .line = t->line};
        tcase_set_timeout(tcase, limit_of(t) * 100);
        _tcase_add_test(tcase, &tests[i], 0, 0, (int)(i * options.repeat), (int)((i + 1) * options.repeat));
        suite_add_tcase(suite, tcase);
    }
    SRunner *runner = srunner_create(suite);
    if (!getenv("CK_FORK"))
        srunner_set_fork_status(runner, CK_NOFORK); /* every role is a process of its own already */
    srunner_run_all(runner, is_asked_by_environment() ? CK_ENV : CK_SILENT);
    srunner_free(runner);
    free(tests);
}

/* --- the command line --------------------------------------------------------------------------- */

static const char usage[] =
    "usage: conformance [--list] [--environment] [--report FILE] [--kind KIND]... [--document DOCUMENT]...\n"
    "                   [--repeat N] [--slow yes|no|only] [--time-scale X] [--network auto|own|shared]\n"
    "                   [--library FILE [--prefix PREFIX]] [--overlay FILE] [PATTERN...]\n";

static unsigned word_in(const char *option, const char *word, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(word, words[i]) == 0)
            return (unsigned)i;
    char all[256] = "";
    for (size_t i = 0; i < count; i++) {
        strncat(all, i ? ", " : "", sizeof all - strlen(all) - 1);
        strncat(all, words[i], sizeof all - strlen(all) - 1);
    }
    refuse("--%s has no '%s': it is one of %s", option, word, all);
}

static double number_in(const char *option, const char *word, double least, double most)
{
    char *end;
    double number = strtod(word, &end);

    if (*word == '\0' || *end != '\0' || !(number >= least && number <= most))
        refuse("--%s takes a number from %g to %g, not '%s'", option, least, most, word);
    return number;
}

static void read_options(int argc, char **argv)
{
    static const struct option table[] = {
        {"list", no_argument, NULL, 'l'},
        {"environment", no_argument, NULL, 'e'},
        {"report", required_argument, NULL, 'r'},
        {"kind", required_argument, NULL, 'k'},
        {"document", required_argument, NULL, 'd'},
        {"repeat", required_argument, NULL, 'n'},
        {"slow", required_argument, NULL, 's'},
        {"time-scale", required_argument, NULL, 't'},
        {"network", required_argument, NULL, 'w'},
        {"library", required_argument, NULL, 'L'},
        {"prefix", required_argument, NULL, 'p'},
        {"overlay", required_argument, NULL, 'o'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},
        {NULL, 0, NULL, 0},
    };
    static const char *const slow_words[] = {"yes", "no", "only"}, *const network_words[] = {"auto", "own",
                                                                                             "shared"};
    const char *kind_names[16];
    size_t kind_count = 0;
    const char *library = NULL, *overlay = NULL;

    for (const struct kind *k = kinds; k->name; k++)
        kind_names[kind_count++] = k->name;
    opterr = 0;
    for (int c; (c = getopt_long(argc, argv, ":", table, NULL)) != -1;)
        switch (c) {
        case 'l': options.list = true; break;
        case 'e': options.environment = true; break;
        case 'r': options.report = optarg; break;
        case 'k': options.kinds |= kinds[word_in("kind", optarg, kind_names, kind_count)].bit; break;
        case 'd': options.documents |= 1u << word_in("document", optarg, document_names, DOCUMENTS); break;
        case 'n': options.repeat = (unsigned)number_in("repeat", optarg, 1, 100000); break;
        case 's': options.slow = word_in("slow", optarg, slow_words, 3); break;
        case 't': time_scale = number_in("time-scale", optarg, 0.01, 1000); break;
        case 'w': options.network = word_in("network", optarg, network_words, 3); break;
        case 'L': library = optarg; break;
        case 'p': backend.prefix = optarg; break;
        case 'o': overlay = optarg; break;
        case 'h': fputs(usage, stdout); exit(0);
        case 'v': printf("conformance %s\n", program_version); exit(0);
        case ':': refuse("%s needs a value", argv[optind - 1]);
        default: refuse("there is no option %s; --help lists them", argv[optind - 1]);
        }
    if (library && overlay)
        refuse("--library and --overlay exclude each other");
    if (backend.prefix && !library)
        refuse("--prefix goes with --library");
    backend.sort = library ? LIBRARY : overlay ? OVERLAY : NATIVE;
    if (library || overlay) {
        backend.file =
            realpath(library ? library : overlay, NULL); /* roles run in directories of their own */
        if (!backend.file)
            refuse("cannot load %s: %s", library ? library : overlay, strerror(errno));
    }
    options.pattern_count = (size_t)(argc - optind);
    options.patterns = calloc(options.pattern_count + 1, sizeof *options.patterns);
    if (!options.patterns)
        refuse("%s", strerror(ENOMEM));
    for (size_t i = 0; i < options.pattern_count; i++)
        options.patterns[i] =
            (struct pattern){.text = argv[optind + (int)i], .is_glob = strpbrk(argv[optind + (int)i], "*?[")};
    qsort(options.patterns, options.pattern_count, sizeof *options.patterns, by_pattern);
    size_t distinct = 0;
    for (size_t i = 0; i < options.pattern_count; i++)
        if (i == 0 || by_pattern(&options.patterns[distinct - 1], &options.patterns[i]) != 0)
            options.patterns[distinct++] = options.patterns[i];
    options.pattern_count = distinct;
}

/* Loads the library once in a process of its own, so that what goes wrong there is told before any run. */
static void try_backend(void)
{
    static const char loaded[] = "loaded";
    char words[512] = "";
    int channel[2], status = 0;

    if (backend.sort == NATIVE)
        return;
    if (pipe(channel) == -1)
        refuse("pipe: %s", strerror(errno));
    pid_t pid = fork();
    if (pid == -1)
        refuse("fork: %s", strerror(errno));
    if (pid == 0) {
        const char *trouble = load_backend();
        if (!trouble && calls_found() == 0)
            trouble =
                backend.prefix ? "it has none of the calls with this prefix" : "it has none of the calls";
        const char *words = trouble ? trouble : loaded;
        _exit(raw_write(channel[1], words, strlen(words)) < 0);
    }
    raw_close(channel[1]);
    for (int waited = 0; waitpid(pid, &status, WNOHANG) == 0; waited++) {
        if (waited == 10000) {
            kill(pid, SIGKILL);
            waitpid(pid, NULL, 0);
            refuse("cannot load %s: it did not come back within 10 seconds", backend.file);
        }
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    if (raw_read(channel[0], words, sizeof words - 1) <= 0)
        snprintf(words, sizeof words, "it exits with status %d when loaded", WEXITSTATUS(status));
    raw_close(channel[0]);
    if (WIFSIGNALED(status))
        refuse("cannot load %s: it crashes when loaded: %s", backend.file, strsignal(WTERMSIG(status)));
    if (strcmp(words, loaded) != 0)
        refuse("cannot load %s: %s", backend.file, words);
}

static void make_scratch(void)
{
    const char *parent = getenv("TMPDIR");

    if (snprintf(scratch, sizeof scratch, "%s/sockconform-XXXXXX", parent && *parent ? parent : "/tmp") >=
            (int)sizeof scratch ||
        !mkdtemp(scratch))
        refuse("cannot make a directory in %s: %s", parent && *parent ? parent : "/tmp", strerror(errno));
    chmod(scratch, 0711); /* a role that has given up its privileges is in a directory below */
}

/* The first three descriptors are open, so that a case's first is not one that words go to. */
static void open_standard_descriptors(void)
{
    int fd = raw_open("/dev/null", O_RDWR);

    while (fd >= 0 && fd < 3)
        fd = raw_open("/dev/null", O_RDWR);
    if (fd >= 0)
        raw_close(fd);
}

int main(int argc, char **argv)
{
    double start;

    open_standard_descriptors();
    keep_open_descriptors();
    program_path = argv[0];
    read_options(argc, argv);
    if (!options.list && !isolate(options.network))
        refuse("no network of its own: %s", environment.network_reason);
    if (options.environment) {
        list_environment();
        return fflush(stdout) == 0 ? 0 : 2;
    }
    choose_runs();
    if (options.list) {
        list_runs(runs, run_count);
        return fflush(stdout) == 0 ? 0 : 2;
    }
    try_backend();
    if (!environment.own_network && options.network == NETWORK_AUTO)
        fprintf(stderr, "conformance: sharing this system's network (%s)\n", environment.network_reason);
    if (options.report && !(report = open_report(options.report)))
        refuse("cannot write the report %s: %s", options.report, strerror(errno));
    make_scratch();

    program = getpid();
    at_interruption = clean_up_after;
    common = mmap(NULL, sizeof *common, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    lanes = mmap(NULL, sizeof *lanes * run_count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    main_stage = new_stage();
    if (common == MAP_FAILED || lanes == MAP_FAILED || !main_stage)
        refuse("%s", strerror(errno));
    sem_init(&common->reporting, 1, 1);
    start = (double)nanoseconds() / 1e9;
    if (report && !report_header(report, runs, run_count, options.repeat))
        refuse("cannot write the report %s: %s", options.report, strerror(errno));
    prepare_supervision();
    for (size_t i = 0; i < run_count; i++)
        if (runs[i].testcase->slow && !getenv("CK_RUN_CASE"))
            start_lane(i);
    check_all();
    wipe_scratch();
    if (report && !report_summary(report, common->tally, (double)nanoseconds() / 1e9 - start))
        refuse("cannot write the report %s: %s", options.report, strerror(errno));
    printf("%u passed, %u failed, %u unresolved, %u unsupported, %u untested\n", common->tally[PASS],
           common->tally[FAIL], common->tally[UNRESOLVED], common->tally[UNSUPPORTED],
           common->tally[UNTESTED]);
    if (fflush(stdout) != 0)
        refuse("cannot write to standard output: %s", strerror(errno));
    return common->tally[FAIL] + common->tally[UNRESOLVED] > 0;
}
