// What the addon calls: the kernel for one kind of processor, compiled once for each (kernel.cpp).
#pragma once
#include <atomic>
#include <stdint.h>

/** A call, shared by its threads. */
struct Call {
  /** The memory, which addresses count from, and where in it the parameter block is. */
  char *heap;
  uint32_t block;
  bool float64;
  /** Most steps of all trajectories that a thread takes. */
  int64_t steps;
  /** The trajectory that is to be taken next. */
  std::atomic<int> next;
  /** Set where a thread found no room. */
  std::atomic<bool> outOfMemory;
};

/** Takes one trajectory after another, until there are none left. */
typedef void Kernel(Call &);
