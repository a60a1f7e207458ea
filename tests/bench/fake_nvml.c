/* A libnvidia-ml.so.1 that answers from the file named by FAKE_NVML; tests/machines/README.md lists the keys.
 *
 * A GPU needs a name and a compute capability; everything else answers like a healthy, idle card of that kind.
 * Layouts and numbers follow nvml.h of CUDA 13.0. error.FUNCTION=CODE takes names without suffix (nvmlInit,
 * nvmlDeviceGetPciInfo), as they are called in NVIDIA's manual. missing.FUNCTION=1 acts like an older library: the
 * call returns 13, which pynvml treats like a symbol that is not there.
 */
#define ANSWERS_VARIABLE "FAKE_NVML"
#include "answers.h"

enum { SUCCESS = 0, UNINITIALIZED = 1, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7,
       FUNCTION_NOT_FOUND = 13, VERSION_MISMATCH = 25 };

typedef struct { int gpu; int mig; } Device; /* mig: place of the instance, -1 = the GPU itself */
typedef unsigned long long u64;

static Device devices[64];
static Device mig_devices[64][8];
static int is_initialised;

#define MIB (1024ULL * 1024ULL)

#define ASK_LIBRARY(function) \
    do { int code = fault(-1, function); if (code) return code; \
         if (number(-1, "missing." function, 0)) return FUNCTION_NOT_FOUND; } while (0)

#define ASK(device, function) \
    do { if (!is_initialised) return UNINITIALIZED; if (!device) return INVALID_ARGUMENT; \
         int code = fault(((Device *)device)->gpu, function); if (code) return code; \
         if (number(-1, "missing." function, 0)) return FUNCTION_NOT_FOUND; } while (0)

static int gpu_of(void *device) { return ((Device *)device)->gpu; }

static int gpu_count(void)
{
    int count = 0;
    while (answer(count, "name", NULL) && count < 64)
        count++;
    return (int)number(-1, "count", count);
}

static void capability_of(int gpu, int *major, int *minor)
{
    *major = 8;
    *minor = 9;
    sscanf(answer(gpu, "cc", "8.9"), "%d.%d", major, minor);
}

static int is_capability_from(int gpu, int wanted)
{
    int major, minor;
    capability_of(gpu, &major, &minor);
    return major * 10 + minor >= wanted;
}

/* A data-centre card by its name: such have ECC, MIG and serial numbers. */
static int is_data_centre(int gpu)
{
    static const char *const names[] = {"A100", "A30", "H100", "H200", "GH200", "B200", "B300", "GB200", "GB300", NULL};
    for (int i = 0; names[i]; i++)
        if (strstr(answer(gpu, "name", ""), names[i]))
            return 1;
    return 0;
}

static int has_ecc(int gpu)
{
    static const char *const names[] = {"Tesla", "L4", "T4", "A10", "A40", "V100", "P100", "RTX A", NULL};
    for (int i = 0; names[i]; i++)
        if (strstr(answer(gpu, "name", ""), names[i]))
            return 1;
    return is_data_centre(gpu);
}

/* A number of the file, or a healthy default; "not_supported" in the file is NVML's own answer for that. */
static int unsigned_of(int gpu, const char *key, long long otherwise, unsigned *to)
{
    const char *text = answer(gpu, key, NULL);
    if (text && !strcmp(text, "not_supported"))
        return NOT_SUPPORTED;
    *to = (unsigned)number(gpu, key, otherwise);
    return SUCCESS;
}

/* The library as a whole */

EXPORT int nvmlInitWithFlags(unsigned flags)
{
    (void)flags;
    ASK_LIBRARY("nvmlInit");
    for (int gpu = 0; gpu < 64; gpu++) {
        devices[gpu] = (Device){gpu, -1};
        for (int mig = 0; mig < 8; mig++)
            mig_devices[gpu][mig] = (Device){gpu, mig};
    }
    is_initialised = 1;
    return SUCCESS;
}

EXPORT int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
EXPORT int nvmlShutdown(void) { return SUCCESS; }
EXPORT const char *nvmlErrorString(int code) { return code ? "an error of the fake" : "Success"; }

EXPORT int nvmlSystemGetNVMLVersion(char *to, unsigned size)
{
    char otherwise[128];
    ASK_LIBRARY("nvmlSystemGetNVMLVersion");
    snprintf(otherwise, sizeof otherwise, "%lld.%s", number(-1, "cuda", 13000) / 1000, answer(-1, "driver", "580.95.05"));
    return copy_text(to, size, answer(-1, "nvml", otherwise)) ? INSUFFICIENT_SIZE : SUCCESS;
}

EXPORT int nvmlSystemGetDriverVersion(char *to, unsigned size)
{
    if (!is_initialised)
        return UNINITIALIZED;
    ASK_LIBRARY("nvmlSystemGetDriverVersion");
    return copy_text(to, size, answer(-1, "driver", "580.95.05")) ? INSUFFICIENT_SIZE : SUCCESS;
}

EXPORT int nvmlSystemGetCudaDriverVersion(int *to)
{
    ASK_LIBRARY("nvmlSystemGetCudaDriverVersion");
    *to = (int)number(-1, "cuda", 13000);
    return SUCCESS;
}

EXPORT int nvmlSystemGetCudaDriverVersion_v2(int *to) { return nvmlSystemGetCudaDriverVersion(to); }

EXPORT int nvmlDeviceGetCount_v2(unsigned *to)
{
    if (!is_initialised)
        return UNINITIALIZED;
    ASK_LIBRARY("nvmlDeviceGetCount");
    *to = (unsigned)gpu_count();
    return SUCCESS;
}

EXPORT int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **to)
{
    if (!is_initialised)
        return UNINITIALIZED;
    if ((int)index >= gpu_count() || index >= 64)
        return INVALID_ARGUMENT;
    int code = fault((int)index, "nvmlDeviceGetHandleByIndex");
    if (code)
        return code;
    *to = &devices[index];
    return SUCCESS;
}

/* What the card is */

EXPORT int nvmlDeviceGetName(void *device, char *to, unsigned size)
{
    char name[256];
    ASK(device, "nvmlDeviceGetName");
    Device *asked = device;
    if (asked->mig >= 0)
        snprintf(name, sizeof name, "%s MIG %s", answer(asked->gpu, "name", ""), answer(asked->gpu, "mig_profile", "1g.10gb"));
    else
        snprintf(name, sizeof name, "%s", answer(asked->gpu, "name", ""));
    return copy_text(to, size, name) ? INSUFFICIENT_SIZE : SUCCESS;
}

EXPORT int nvmlDeviceGetUUID(void *device, char *to, unsigned size)
{
    char otherwise[96];
    ASK(device, "nvmlDeviceGetUUID");
    Device *asked = device;
    if (asked->mig >= 0)
        snprintf(otherwise, sizeof otherwise, "MIG-%08x-0000-4000-8000-%012x", asked->gpu + 1, asked->mig + 1);
    else
        snprintf(otherwise, sizeof otherwise, "GPU-%08x-0000-4000-8000-000000000000", asked->gpu + 1);
    return copy_text(to, size, asked->mig >= 0 ? otherwise : answer(asked->gpu, "uuid", otherwise)) ? INSUFFICIENT_SIZE : SUCCESS;
}

EXPORT int nvmlDeviceGetSerial(void *device, char *to, unsigned size)
{
    ASK(device, "nvmlDeviceGetSerial");
    const char *serial = answer(gpu_of(device), "serial", is_data_centre(gpu_of(device)) ? "1320000000001" : NULL);
    return !serial ? NOT_SUPPORTED : copy_text(to, size, serial) ? INSUFFICIENT_SIZE : SUCCESS;
}

EXPORT int nvmlDeviceGetCudaComputeCapability(void *device, int *major, int *minor)
{
    ASK(device, "nvmlDeviceGetCudaComputeCapability");
    capability_of(gpu_of(device), major, minor);
    return SUCCESS;
}

typedef struct {
    char bus_id_legacy[16];
    unsigned domain, bus, device, pci_device_id, pci_subsystem_id;
    char bus_id[32];
} PciInfo;

EXPORT int nvmlDeviceGetPciInfo_v3(void *device, PciInfo *to)
{
    char otherwise[32];
    unsigned domain = 0, bus = 0, slot = 0;
    ASK(device, "nvmlDeviceGetPciInfo");
    int gpu = gpu_of(device);
    snprintf(otherwise, sizeof otherwise, "0000:%02x:00.0", gpu + 1);
    sscanf(answer(gpu, "pci_address", otherwise), "%x:%x:%x", &domain, &bus, &slot);
    memset(to, 0, sizeof *to);
    to->domain = domain;
    to->bus = bus;
    to->device = slot;
    to->pci_device_id = (unsigned)number(gpu, "pci_device_id", 0x2684) << 16 | 0x10de;
    snprintf(to->bus_id, sizeof to->bus_id, "%08X:%02X:%02X.0", domain & 0xffffffff, bus & 0xff, slot & 0xff);
    return SUCCESS;
}

/* Memory */

typedef struct { u64 total, free, used; } Memory1;
typedef struct { unsigned version; u64 total, reserved, free, used; } Memory2;

static int memory_of(Device *device, u64 *total, u64 *used, u64 *reserved)
{
    const char *text = answer(device->gpu, "mem_total", NULL);
    if (text && !strcmp(text, "not_supported"))
        return NOT_SUPPORTED;
    *total = (u64)number(device->gpu, "mem_total", is_data_centre(device->gpu) ? 81559 * MIB : 24564 * MIB);
    *reserved = (u64)number(device->gpu, "mem_reserved", 400 * MIB);
    *used = (u64)number(device->gpu, "mem_used", 12 * MIB);
    if (device->mig >= 0)
        *total = (u64)number(device->gpu, "mig_mem_total", 9856 * MIB);
    return SUCCESS;
}

EXPORT int nvmlDeviceGetMemoryInfo(void *device, Memory1 *to)
{
    u64 reserved;
    ASK(device, "nvmlDeviceGetMemoryInfo");
    int code = memory_of(device, &to->total, &to->used, &reserved);
    to->used += reserved; /* version 1 counts it as used */
    to->free = to->total - to->used;
    return code;
}

EXPORT int nvmlDeviceGetMemoryInfo_v2(void *device, Memory2 *to)
{
    ASK(device, "nvmlDeviceGetMemoryInfo");
    if (number(-1, "missing.nvmlDeviceGetMemoryInfo_v2", 0))
        return FUNCTION_NOT_FOUND;
    if (to->version != (sizeof(Memory2) | 2u << 24))
        return VERSION_MISMATCH;
    int code = memory_of(device, &to->total, &to->used, &to->reserved);
    to->free = to->total - to->used - to->reserved;
    return code;
}

/* Heat, power, clocks */

EXPORT int nvmlDeviceGetTemperature(void *device, unsigned sensor, unsigned *to)
{
    (void)sensor;
    ASK(device, "nvmlDeviceGetTemperature");
    return unsigned_of(gpu_of(device), "temp", 38, to);
}

typedef struct { unsigned version, sensor; int temperature; } Temperature;

EXPORT int nvmlDeviceGetTemperatureV(void *device, Temperature *to)
{
    ASK(device, "nvmlDeviceGetTemperatureV");
    return unsigned_of(gpu_of(device), "temp", 38, (unsigned *)&to->temperature);
}

EXPORT int nvmlDeviceGetTemperatureThreshold(void *device, unsigned which, unsigned *to)
{
    (void)which;
    ASK(device, "nvmlDeviceGetTemperatureThreshold");
    return unsigned_of(gpu_of(device), "temp_slowdown", 93, to);
}

EXPORT int nvmlDeviceGetPowerUsage(void *device, unsigned *to)
{
    ASK(device, "nvmlDeviceGetPowerUsage");
    return unsigned_of(gpu_of(device), "power_mw", 21000, to);
}

EXPORT int nvmlDeviceGetEnforcedPowerLimit(void *device, unsigned *to)
{
    ASK(device, "nvmlDeviceGetEnforcedPowerLimit");
    return unsigned_of(gpu_of(device), "power_limit_mw", 450000, to);
}

EXPORT int nvmlDeviceGetPowerManagementLimit(void *device, unsigned *to)
{
    ASK(device, "nvmlDeviceGetPowerManagementLimit");
    return unsigned_of(gpu_of(device), "power_limit_mw", 450000, to);
}

EXPORT int nvmlDeviceGetPowerManagementDefaultLimit(void *device, unsigned *to)
{
    ASK(device, "nvmlDeviceGetPowerManagementDefaultLimit");
    return unsigned_of(gpu_of(device), "power_limit_default_mw", number(gpu_of(device), "power_limit_mw", 450000), to);
}

EXPORT int nvmlDeviceGetClockInfo(void *device, unsigned which, unsigned *to)
{
    ASK(device, "nvmlDeviceGetClockInfo");
    return which == 2 ? unsigned_of(gpu_of(device), "mem_clock", 405, to) : unsigned_of(gpu_of(device), "sm_clock", 210, to);
}

EXPORT int nvmlDeviceGetMaxClockInfo(void *device, unsigned which, unsigned *to)
{
    ASK(device, "nvmlDeviceGetMaxClockInfo");
    return which == 2 ? unsigned_of(gpu_of(device), "mem_clock_max", 10501, to)
                      : unsigned_of(gpu_of(device), "sm_clock_max", 3105, to);
}

EXPORT int nvmlDeviceGetCurrentClocksThrottleReasons(void *device, u64 *to)
{
    ASK(device, "nvmlDeviceGetCurrentClocksThrottleReasons");
    *to = (u64)number(gpu_of(device), "clock_reasons", 1);
    return SUCCESS;
}

EXPORT int nvmlDeviceGetCurrentClocksEventReasons(void *device, u64 *to)
{
    ASK(device, "nvmlDeviceGetCurrentClocksEventReasons");
    return nvmlDeviceGetCurrentClocksThrottleReasons(device, to);
}

EXPORT int nvmlDeviceGetUtilizationRates(void *device, unsigned *to)
{
    ASK(device, "nvmlDeviceGetUtilizationRates");
    to[1] = 0;
    return unsigned_of(gpu_of(device), "utilization", 0, to);
}

/* PCIe: generation 1 at idle is healthy */

EXPORT int nvmlDeviceGetCurrPcieLinkGeneration(void *device, unsigned *to)
{
    ASK(device, "nvmlDeviceGetCurrPcieLinkGeneration");
    return unsigned_of(gpu_of(device), "pcie_gen", 1, to);
}

EXPORT int nvmlDeviceGetMaxPcieLinkGeneration(void *device, unsigned *to)
{
    ASK(device, "nvmlDeviceGetMaxPcieLinkGeneration");
    return unsigned_of(gpu_of(device), "pcie_gen_max", 4, to);
}

EXPORT int nvmlDeviceGetCurrPcieLinkWidth(void *device, unsigned *to)
{
    ASK(device, "nvmlDeviceGetCurrPcieLinkWidth");
    return unsigned_of(gpu_of(device), "pcie_width", 16, to);
}

EXPORT int nvmlDeviceGetMaxPcieLinkWidth(void *device, unsigned *to)
{
    ASK(device, "nvmlDeviceGetMaxPcieLinkWidth");
    return unsigned_of(gpu_of(device), "pcie_width_max", 16, to);
}

/* Errors of the memory */

EXPORT int nvmlDeviceGetEccMode(void *device, unsigned *now, unsigned *pending)
{
    ASK(device, "nvmlDeviceGetEccMode");
    int gpu = gpu_of(device);
    if (!answer(gpu, "ecc", NULL) && !has_ecc(gpu))
        return NOT_SUPPORTED;
    *now = *pending = (unsigned)number(gpu, "ecc", 1);
    return SUCCESS;
}

EXPORT int nvmlDeviceGetTotalEccErrors(void *device, unsigned kind, unsigned counter, u64 *to)
{
    ASK(device, "nvmlDeviceGetTotalEccErrors");
    int gpu = gpu_of(device);
    if (number(gpu, "ecc", has_ecc(gpu)) != 1)
        return NOT_SUPPORTED;
    const char *key = counter == 0 ? "ecc_uncorrected" : "ecc_uncorrected_aggregate";
    *to = kind == 1 ? (u64)number(gpu, key, number(gpu, "ecc_uncorrected", 0)) : 0;
    return SUCCESS;
}

EXPORT int nvmlDeviceGetRetiredPages(void *device, unsigned cause, unsigned *count, u64 *to)
{
    ASK(device, "nvmlDeviceGetRetiredPages");
    int gpu = gpu_of(device);
    if (is_capability_from(gpu, 80) || !has_ecc(gpu))
        return NOT_SUPPORTED;
    unsigned pages = (unsigned)number(gpu, cause == 1 ? "retired_double_bit" : "retired_single_bit", 0);
    unsigned room = *count;
    *count = pages;
    if (pages > room || (!to && pages))
        return INSUFFICIENT_SIZE;
    for (unsigned i = 0; i < pages; i++)
        to[i] = 4096ULL * (i + 1);
    return SUCCESS;
}

EXPORT int nvmlDeviceGetRetiredPagesPendingStatus(void *device, unsigned *to)
{
    ASK(device, "nvmlDeviceGetRetiredPagesPendingStatus");
    int gpu = gpu_of(device);
    if (!answer(gpu, "retired_pending", NULL) && (is_capability_from(gpu, 80) || !has_ecc(gpu)))
        return NOT_SUPPORTED;
    return unsigned_of(gpu, "retired_pending", 0, to);
}

EXPORT int nvmlDeviceGetRemappedRows(void *device, unsigned *correctable, unsigned *uncorrectable, unsigned *pending, unsigned *failed)
{
    ASK(device, "nvmlDeviceGetRemappedRows");
    int gpu = gpu_of(device);
    const char *text = answer(gpu, "remap", NULL);
    if (!text && !is_capability_from(gpu, 80))
        return NOT_SUPPORTED;
    *correctable = *uncorrectable = *pending = *failed = 0;
    sscanf(text ? text : "0,0,0,0", "%u,%u,%u,%u", correctable, uncorrectable, pending, failed);
    return SUCCESS;
}

/* Modes */

EXPORT int nvmlDeviceGetPersistenceMode(void *device, unsigned *to)
{
    ASK(device, "nvmlDeviceGetPersistenceMode");
    return unsigned_of(gpu_of(device), "persistence", 0, to);
}

EXPORT int nvmlDeviceGetComputeMode(void *device, unsigned *to)
{
    ASK(device, "nvmlDeviceGetComputeMode");
    return unsigned_of(gpu_of(device), "compute_mode", 0, to);
}

EXPORT int nvmlDeviceGetMigMode(void *device, unsigned *now, unsigned *pending)
{
    ASK(device, "nvmlDeviceGetMigMode");
    int gpu = gpu_of(device);
    if (!answer(gpu, "mig", NULL) && !is_data_centre(gpu))
        return NOT_SUPPORTED;
    *now = (unsigned)number(gpu, "mig", 0);
    *pending = (unsigned)number(gpu, "mig_pending", *now);
    return SUCCESS;
}

EXPORT int nvmlDeviceGetMaxMigDeviceCount(void *device, unsigned *to)
{
    ASK(device, "nvmlDeviceGetMaxMigDeviceCount");
    *to = 7;
    return SUCCESS;
}

EXPORT int nvmlDeviceGetMigDeviceHandleByIndex(void *device, unsigned place, void **to)
{
    ASK(device, "nvmlDeviceGetMigDeviceHandleByIndex");
    if ((int)place >= number(gpu_of(device), "mig_instances", 0) || place > 6)
        return NOT_FOUND;
    *to = &mig_devices[gpu_of(device)][place];
    return SUCCESS;
}

/* NVLink and its fabric */

EXPORT int nvmlDeviceGetNvLinkState(void *device, unsigned link, unsigned *to)
{
    ASK(device, "nvmlDeviceGetNvLinkState");
    const char *text = answer(gpu_of(device), "nvlink", NULL);
    if (!text)
        return NOT_SUPPORTED;
    for (; link && (text = strchr(text, ',')); link--)
        text++;
    if (!text)
        return INVALID_ARGUMENT;
    *to = (unsigned)atoi(text);
    return SUCCESS;
}

EXPORT int nvmlDeviceGetNvLinkRemoteDeviceType(void *device, unsigned link, unsigned *to)
{
    (void)link;
    ASK(device, "nvmlDeviceGetNvLinkRemoteDeviceType");
    return unsigned_of(gpu_of(device), "nvlink_remote", 0, to);
}

typedef struct { unsigned char cluster[16]; int status; unsigned clique; unsigned char state; } Fabric1;
typedef struct { unsigned version; unsigned char cluster[16]; int status; unsigned clique; unsigned char state; unsigned health; } Fabric2;

EXPORT int nvmlDeviceGetGpuFabricInfo(void *device, Fabric1 *to)
{
    ASK(device, "nvmlDeviceGetGpuFabricInfo");
    if (!answer(gpu_of(device), "fabric_state", NULL))
        return NOT_SUPPORTED;
    to->state = (unsigned char)number(gpu_of(device), "fabric_state", 0);
    to->status = (int)number(gpu_of(device), "fabric_status", 0);
    return SUCCESS;
}

EXPORT int nvmlDeviceGetGpuFabricInfoV(void *device, Fabric2 *to)
{
    Fabric1 first = {{0}, 0, 0, 0};
    ASK(device, "nvmlDeviceGetGpuFabricInfoV");
    if (to->version != (sizeof(Fabric2) | 2u << 24))
        return VERSION_MISMATCH;
    int code = nvmlDeviceGetGpuFabricInfo(device, &first);
    to->state = first.state;
    to->status = first.status;
    return code;
}

/* Processes */

typedef struct { unsigned pid; u64 used; unsigned gpu_instance, compute_instance; } Process;

static int processes_of(const char *text, unsigned *count, Process *to)
{
    unsigned room = *count, found = 0;
    while (text && *text) {
        if (to && found < room) {
            const char *colon = strchr(text, ':');
            to[found] = (Process){(unsigned)strtoul(text, NULL, 10), colon ? strtoull(colon + 1, NULL, 0) : ~0ULL, ~0u, ~0u};
        }
        found++;
        text = strchr(text, ',');
        text = text ? text + 1 : NULL;
    }
    *count = found;
    return found > room || (!to && found) ? INSUFFICIENT_SIZE : SUCCESS;
}

EXPORT int nvmlDeviceGetComputeRunningProcesses_v3(void *device, unsigned *count, Process *to)
{
    ASK(device, "nvmlDeviceGetComputeRunningProcesses");
    return processes_of(answer(gpu_of(device), "processes", NULL), count, to);
}

EXPORT int nvmlDeviceGetGraphicsRunningProcesses_v3(void *device, unsigned *count, Process *to)
{
    ASK(device, "nvmlDeviceGetGraphicsRunningProcesses");
    return processes_of(answer(gpu_of(device), "graphics_processes", NULL), count, to);
}
