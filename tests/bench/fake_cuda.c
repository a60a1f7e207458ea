/* A libcuda.so.1 that answers from the file named by FAKE_CUDA: version, init, gpuN.name, gpuN.cc, gpuN.mem_total,
 * error.FUNCTION, hang.FUNCTION, segfault.FUNCTION (names without suffix: cuInit, cuDeviceTotalMem).
 * CUDA_VISIBLE_DEVICES is served like the real one: indices and beginnings of gpuN.uuid (default GPU-0000000N-...); the
 * first entry that names no GPU ends the list.
 */
#define ANSWERS_VARIABLE "FAKE_CUDA"
#include "answers.h"

enum { SUCCESS = 0, INVALID_VALUE = 1, NOT_INITIALIZED = 3, NO_DEVICE = 100, INVALID_DEVICE = 101 };

static const struct { int code; const char *name; } names[] = {
    {0, "CUDA_SUCCESS"}, {1, "CUDA_ERROR_INVALID_VALUE"}, {2, "CUDA_ERROR_OUT_OF_MEMORY"},
    {3, "CUDA_ERROR_NOT_INITIALIZED"}, {34, "CUDA_ERROR_STUB_LIBRARY"}, {46, "CUDA_ERROR_DEVICE_UNAVAILABLE"},
    {100, "CUDA_ERROR_NO_DEVICE"}, {101, "CUDA_ERROR_INVALID_DEVICE"}, {304, "CUDA_ERROR_OPERATING_SYSTEM"},
    {802, "CUDA_ERROR_SYSTEM_NOT_READY"}, {803, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH"},
    {804, "CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE"}, {999, "CUDA_ERROR_UNKNOWN"}, {-1, NULL}};

static int visible[64];
static int visible_count = -1;

static int gpu_count(void)
{
    int count = 0;
    while (answer(count, "name", NULL) && count < 64)
        count++;
    return (int)number(-1, "count", count);
}

static void text_of_uuid(int gpu, char *to, size_t size)
{
    const char *given = answer(gpu, "uuid", NULL);
    if (given)
        snprintf(to, size, "%s", given);
    else
        snprintf(to, size, "GPU-%08x-0000-4000-8000-000000000000", gpu + 1);
}

static int named_gpu(const char *entry, size_t length, int all)
{
    char uuid[64];
    for (int gpu = 0; gpu < all; gpu++) {
        text_of_uuid(gpu, uuid, sizeof uuid);
        if (length && strncmp(uuid, entry, length) == 0)
            return gpu;
    }
    return -1;
}

static void choose_visible(void)
{
    const char *chosen = getenv("CUDA_VISIBLE_DEVICES");
    int all = gpu_count();
    visible_count = 0;
    if (!chosen) {
        for (int gpu = 0; gpu < all && gpu < 64; gpu++)
            visible[visible_count++] = gpu;
        return;
    }
    while (*chosen && visible_count < 64) {
        char *end;
        long gpu = strtol(chosen, &end, 10);
        if (end == chosen) {
            end += strcspn(end, ",");
            gpu = named_gpu(chosen, (size_t)(end - chosen), all);
        }
        if (gpu < 0 || gpu >= all)
            return;
        visible[visible_count++] = (int)gpu;
        chosen = *end == ',' ? end + 1 : end + strlen(end);
    }
}

#define ASK(function) do { int code = fault(-1, function); if (code) return code; } while (0)
#define ASK_DEVICE(device, function) \
    do { if (visible_count < 0) return NOT_INITIALIZED; if (device < 0 || device >= visible_count) return INVALID_DEVICE; \
         int code = fault(visible[device], function); if (code) return code; } while (0)

EXPORT int cuInit(unsigned flags)
{
    (void)flags;
    int code = (int)number(-1, "init", 0);
    ASK("cuInit");
    if (code)
        return code;
    choose_visible();
    return visible_count ? SUCCESS : NO_DEVICE;
}

EXPORT int cuDriverGetVersion(int *to)
{
    ASK("cuDriverGetVersion");
    *to = (int)number(-1, "version", 13000);
    return SUCCESS;
}

EXPORT int cuGetErrorName(int code, const char **to)
{
    ASK("cuGetErrorName");
    for (int i = 0; names[i].name; i++)
        if (names[i].code == code) {
            *to = names[i].name;
            return SUCCESS;
        }
    *to = NULL;
    return INVALID_VALUE;
}

EXPORT int cuGetErrorString(int code, const char **to)
{
    *to = code ? "an error of the fake" : "no error";
    return SUCCESS;
}

EXPORT int cuDeviceGetCount(int *to)
{
    if (visible_count < 0)
        return NOT_INITIALIZED;
    ASK("cuDeviceGetCount");
    *to = visible_count;
    return SUCCESS;
}

EXPORT int cuDeviceGet(int *to, int device)
{
    ASK_DEVICE(device, "cuDeviceGet");
    *to = device;
    return SUCCESS;
}

EXPORT int cuDeviceGetName(char *to, int size, int device)
{
    ASK_DEVICE(device, "cuDeviceGetName");
    return copy_text(to, (unsigned)size, answer(visible[device], "name", "")) ? INVALID_VALUE : SUCCESS;
}

EXPORT int cuDeviceGetAttribute(int *to, int attribute, int device)
{
    int major = 8, minor = 9;
    ASK_DEVICE(device, "cuDeviceGetAttribute");
    sscanf(answer(visible[device], "cc", "8.9"), "%d.%d", &major, &minor);
    *to = attribute == 75 ? major : attribute == 76 ? minor : 0;
    return SUCCESS;
}

EXPORT int cuDeviceGetUuid(unsigned char *to, int device)
{
    ASK_DEVICE(device, "cuDeviceGetUuid");
    char uuid[64], digits[33] = "";
    text_of_uuid(visible[device], uuid, sizeof uuid);
    for (char *from = strchr(uuid, '-'); from && *from && strlen(digits) < 32; from++)
        if (*from != '-')
            strncat(digits, from, 1);
    for (int i = 0; i < 16; i++)
        sscanf(digits + 2 * i, "%2hhx", &to[i]);
    return SUCCESS;
}

EXPORT int cuDeviceGetUuid_v2(unsigned char *to, int device) { return cuDeviceGetUuid(to, device); }

EXPORT int cuDeviceTotalMem_v2(size_t *to, int device)
{
    ASK_DEVICE(device, "cuDeviceTotalMem");
    *to = (size_t)number(visible[device], "mem_total", 24564LL * 1024 * 1024);
    return SUCCESS;
}
