/* A libnvidia-ml.so.1 that answers like a driver with one card: what pynvml calls, and nothing else.

   Its power is a triangle between 200 and 400 W with a period of two seconds of CLOCK_MONOTONIC, its energy counter the
   exact area below it. COUNTER_PERCENT lets the counter say something else; OLD is a driver from before 535 whose card
   has no counter; BROKEN is a driver that does not fit its library. */
#include <stdint.h>
#include <time.h>

#ifndef COUNTER_PERCENT
#define COUNTER_PERCENT 100
#endif

enum { SUCCESS = 0, NOT_SUPPORTED = 3, INSUFFICIENT_SIZE = 7, LIB_RM_VERSION_MISMATCH = 18 };

typedef struct { unsigned long long total, free, used; } memory_t;
typedef struct { unsigned int gpu, memory; } utilization_t;
typedef struct {
  unsigned int pid;
  unsigned long long used;
  unsigned int instance, compute;
} process_t;

static double now_s(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec + now.tv_nsec * 1e-9;
}

static double power_w(double s) {
  double phase = s - 2.0 * (int64_t)(s / 2.0);
  return 200.0 + 200.0 * (phase < 1.0 ? phase : 2.0 - phase);
}

/* The area below the triangle since 0: 300 J a second in whole periods, and the piece of the last one. */
static double energy_j(double s) {
  int64_t periods = (int64_t)(s / 2.0);
  double phase = s - 2.0 * periods, rest;
  if (phase < 1.0)
    rest = 200.0 * phase + 100.0 * phase * phase;
  else
    rest = 300.0 + 200.0 * (phase - 1.0) + 100.0 * (1.0 - (2.0 - phase) * (2.0 - phase));
  return 600.0 * periods + rest;
}

int nvmlInitWithFlags(unsigned int flags) {
  (void)flags;
#ifdef BROKEN
  return LIB_RM_VERSION_MISMATCH;
#else
  return SUCCESS;
#endif
}
int nvmlShutdown(void) { return SUCCESS; }
const char *nvmlErrorString(int code) { (void)code; return "Driver/library version mismatch"; }
int nvmlDeviceGetCount_v2(unsigned int *count) { *count = 1; return SUCCESS; }
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **device) {
  *device = (void *)(uintptr_t)(index + 1);
  return SUCCESS;
}
int nvmlDeviceGetPowerUsage(void *gpu, unsigned int *mw) {
  (void)gpu;
  *mw = (unsigned int)(power_w(now_s()) * 1000.0);
  return SUCCESS;
}
int nvmlDeviceGetTotalEnergyConsumption(void *gpu, unsigned long long *mj) {
  (void)gpu;
#ifdef OLD
  (void)mj;
  return NOT_SUPPORTED;
#else
  *mj = (unsigned long long)(energy_j(now_s()) * 10.0 * COUNTER_PERCENT);
  return SUCCESS;
#endif
}
int nvmlDeviceGetClockInfo(void *gpu, unsigned int type, unsigned int *mhz) {
  (void)gpu;
  *mhz = type == 1 ? 1980 : 2619;
  return SUCCESS;
}
int nvmlDeviceGetTemperature(void *gpu, unsigned int sensor, unsigned int *c) {
  (void)gpu;
  *c = sensor == 0 ? 57 : 0;
  return SUCCESS;
}
#ifdef OLD
int nvmlDeviceGetCurrentClocksThrottleReasons(void *gpu, unsigned long long *reasons) {
#else
int nvmlDeviceGetCurrentClocksEventReasons(void *gpu, unsigned long long *reasons) {
#endif
  (void)gpu;
  *reasons = 4; /* the software's power cap */
  return SUCCESS;
}
int nvmlDeviceGetMemoryInfo(void *gpu, memory_t *memory) {
  (void)gpu;
  memory->total = 150754820096ULL;
  memory->used = 71303168000ULL;
  memory->free = memory->total - memory->used;
  return SUCCESS;
}
int nvmlDeviceGetUtilizationRates(void *gpu, utilization_t *rates) {
  (void)gpu;
  rates->gpu = 97;
  rates->memory = 61;
  return SUCCESS;
}
int nvmlDeviceGetComputeRunningProcesses_v3(void *gpu, unsigned int *count, process_t *processes) {
  (void)gpu;
  if (*count < 2 || !processes) {
    *count = 2;
    return INSUFFICIENT_SIZE;
  }
  *count = 2;
  for (unsigned int at = 0; at < 2; at++)
    processes[at] = (process_t){4000 + at, 1ULL << 30, 0xFFFFFFFFu, 0xFFFFFFFFu};
  return SUCCESS;
}
