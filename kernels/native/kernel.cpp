// The kernel for one kind of processor: RF_BYTES are those of its vectors, RF_NAME its name. It works by the parameter
// block and on the tensors of kernels/wasm/layout.ts, as the wasm kernel does.
#include "kernel.h"
#include "schemes.h"
#include <stdlib.h>

namespace {

template <class L> void advance(Call &call) {
  using V = typename L::V;
  using Real = typename L::Real;
  char *const heap = call.heap;
  const Parameters &p = *(const Parameters *)(heap + call.block);
  Machine<L> z(p, heap);
  char *const room = (char *)malloc(z.roomBytes());
  if (!room) {
    call.outOfMemory = true;
    return;
  }
  z.useRoom(room);
  const size_t rowBytes = sizeof(Real) * (size_t)(p.n + p.m) * p.rank, heldBytes = z.vectors * sizeof(V);
  const bool keepsDirection = p.scheme == SCHEME_CHEBYSHEV;
  int64_t steps = call.steps;
  for (int i; (i = call.next++) < p.batch;) {
    Track &track = *(Track *)(heap + p.tracks + (size_t)p.trackBytes * i);
    char *const held = (char *)(&track + 1), *const state = heap + p.states + rowBytes * i;
    char *const saved = heap + p.saved + rowBytes * p.saves * i;
    Course course{p, z.template in<double>(p.saveTimes), z.template in<double>(p.clocks)[i], track};
    if (!p.resumes) course.begin();
    if (track.outcome == 0 && steps > 0) {
      z.pack(state);
      if (track.started != 0 && keepsDirection) memcpy((void *)z.slots[DIRECTION], held, heldBytes);
      steps -= run(z, course, steps, [&] { z.unpack(saved + rowBytes * (size_t)track.saves); });
      z.unpack(state);
      if (keepsDirection) memcpy(held, (const void *)z.slots[DIRECTION], heldBytes);
    }
    course.report((int32_t *)(heap + p.reports) + REPORT_ENTRIES * (size_t)i);
  }
  free(room);
}

} // namespace

Kernel RF_NAME;
void RF_NAME(Call &call) {
  if (call.float64) advance<Lanes<double>>(call);
  else advance<Lanes<float>>(call);
}
