// The addon: its kernels by name, of those that this processor runs, and their threads. It works in the memory that it
// is given, and copies nothing.
#define NAPI_VERSION 8
#include "generated.h"
#include "kernel.h"
#include <exception>
#include <node_api.h>
#include <string.h>
#include <thread>
#include <vector>

#define KERNEL(name, needs) Kernel name;
#include "kernels.h"
#undef KERNEL

struct Variant {
  const char *name;
  Kernel *kernel;
  bool runs;
};

/** In the order of preference. */
static const std::vector<Variant> &variants() {
  static const std::vector<Variant> all = {
#define KERNEL(name, needs) {#name, name, needs},
#include "kernels.h"
#undef KERNEL
  };
  return all;
}

static void advance(Kernel *kernel, Call &call, int threads) {
  std::vector<std::thread> others;
  try {
    for (int i = 1; i < threads; i++) others.emplace_back(kernel, std::ref(call));
  } catch (const std::exception &) {
    // With fewer threads the others take more.
  }
  kernel(call);
  for (auto &each : others) each.join();
}

static napi_value refuse(napi_env env, const char *message) {
  napi_throw_error(env, nullptr, message);
  return nullptr;
}

/** advance(memory: Uint8Array, block, variant, float64, threads): false where there was no room to work in. */
static napi_value advanceFrom(napi_env env, napi_callback_info info) {
  napi_value args[5];
  size_t count = 5, length = 0, letters = 0;
  void *heap = nullptr;
  napi_typedarray_type type;
  uint32_t block = 0;
  int32_t threads = 0;
  bool float64 = false;
  char name[32] = "";
  napi_get_cb_info(env, info, &count, args, nullptr, nullptr);
  if (count != 5 || napi_get_typedarray_info(env, args[0], &type, &length, &heap, nullptr, nullptr) != napi_ok ||
      type != napi_uint8_array || napi_get_value_uint32(env, args[1], &block) != napi_ok ||
      napi_get_value_string_utf8(env, args[2], name, sizeof name, &letters) != napi_ok ||
      napi_get_value_bool(env, args[3], &float64) != napi_ok ||
      napi_get_value_int32(env, args[4], &threads) != napi_ok)
    return refuse(env, "advance(memory: Uint8Array, block: number, variant: string, float64: boolean, threads: number)");
  // Vectors of the kernels are aligned to its lines.
  if (block % 64 != 0 || length < sizeof(Parameters) || block > length - sizeof(Parameters))
    return refuse(env, "no parameter block there");
  for (const Variant &variant : variants()) {
    if (!variant.runs || strcmp(variant.name, name) != 0) continue;
    const Parameters &p = *(const Parameters *)((char *)heap + block);
    if (threads > p.batch) threads = p.batch;
    if (threads < 1) threads = 1;
    Call call = {(char *)heap, block, float64, ((int64_t)p.steps + threads - 1) / threads, {0}, {false}};
    advance(variant.kernel, call, threads);
    napi_value done;
    napi_get_boolean(env, !call.outOfMemory, &done);
    return done;
  }
  return refuse(env, "no such kernel for this processor");
}

NAPI_MODULE_INIT() {
  napi_value names, function;
  napi_create_array(env, &names);
  uint32_t count = 0;
  for (const Variant &variant : variants()) {
    if (!variant.runs) continue;
    napi_value name;
    napi_create_string_utf8(env, variant.name, NAPI_AUTO_LENGTH, &name);
    napi_set_element(env, names, count++, name);
  }
  napi_set_named_property(env, exports, "variants", names);
  napi_create_function(env, "advance", NAPI_AUTO_LENGTH, advanceFrom, nullptr, &function);
  napi_set_named_property(env, exports, "advance", function);
  return exports;
}
