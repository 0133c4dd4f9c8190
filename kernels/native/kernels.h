// The kernels: KERNEL(name, whether this processor runs it), the fastest first. scripts/build-native.js has the flags
// that each is compiled with.
#if defined(__x86_64__)
KERNEL(avx512, __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                   __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq"))
KERNEL(avx2, __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2"))
#elif defined(__aarch64__)
KERNEL(neon, true)
#endif
