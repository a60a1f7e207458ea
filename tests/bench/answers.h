/* What both fake libraries share: a flat key=value file that is read once, and the faults it orders. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define MOST_LINES 4096

static char *answer_keys[MOST_LINES];
static char *answer_values[MOST_LINES];
static int answer_count = -1;

static void answers_load(const char *variable)
{
    const char *path = getenv(variable);
    FILE *file = path ? fopen(path, "r") : NULL;
    char line[4096];
    answer_count = 0;
    while (file && answer_count < MOST_LINES && fgets(line, sizeof line, file)) {
        char *equals = strchr(line, '=');
        if (!equals || line[0] == '#')
            continue;
        *equals = '\0';
        equals[1 + strcspn(equals + 1, "\n")] = '\0';
        answer_keys[answer_count] = strdup(line);
        answer_values[answer_count++] = strdup(equals + 1);
    }
    if (file)
        fclose(file);
}

/* The value of a key, or `otherwise`; with gpu >= 0 of "gpuN.key". */
static const char *answer(int gpu, const char *key, const char *otherwise)
{
    char full[256];
    if (answer_count < 0)
        answers_load(ANSWERS_VARIABLE);
    if (gpu >= 0)
        snprintf(full, sizeof full, "gpu%d.%s", gpu, key);
    else
        snprintf(full, sizeof full, "%s", key);
    for (int i = 0; i < answer_count; i++)
        if (!strcmp(answer_keys[i], full))
            return answer_values[i];
    return otherwise;
}

static long long number(int gpu, const char *key, long long otherwise)
{
    const char *text = answer(gpu, key, NULL);
    return text ? strtoll(text, NULL, 0) : otherwise;
}

/* The order "KIND.FUNCTION" for this GPU or, failing that, for all. */
static int ordered(int gpu, const char *kind, const char *function)
{
    char key[256];
    snprintf(key, sizeof key, "%s.%s", kind, function);
    return gpu >= 0 && answer(gpu, key, NULL) ? (int)number(gpu, key, 0) : (int)number(-1, key, 0);
}

/* Hang, crash, or return the ordered error of a function; 0 = go on. */
static int fault(int gpu, const char *function)
{
    if (ordered(gpu, "hang", function))
        for (;;)
            pause();
    if (ordered(gpu, "segfault", function)) {
        signal(SIGSEGV, SIG_DFL);
        raise(SIGSEGV);
    }
    return ordered(gpu, "error", function);
}

/* Copy text into a caller's buffer; 1 = it does not fit. \xNN in it stands for that byte. */
static int copy_text(char *to, unsigned size, const char *text)
{
    unsigned used = 0;
    for (; *text; text++) {
        unsigned byte = (unsigned char)*text;
        if (used + 1 >= size)
            return 1;
        if (text[0] == '\\' && text[1] == 'x' && sscanf(text + 2, "%2x", &byte) == 1)
            text += 3;
        to[used++] = (char)byte;
    }
    to[used] = '\0';
    return 0;
}
