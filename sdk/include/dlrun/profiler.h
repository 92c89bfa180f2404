/* profiler.h: "dlrun.profiler/1", an optional interface of a device plugin: when its work ran, by the device's own clock.
 * Reached through dlr_plugin.get_interface; it serves all devices of the plugin. abi.h's rules of change hold here too.
 *
 * The host begins a collection, sets a label before it issues a piece of work (a layer's, say), and collects the spans of
 * all that was issued. A device pays for timing only between begin and end.
 */
#ifndef DLRUN_PROFILER_H_
#define DLRUN_PROFILER_H_

#include <dlrun/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DLR_PROFILER_ID "dlrun.profiler/1"

/* One piece of work: a kernel, an operator, a copy. */
typedef struct dlr_span {
  uint64_t size;
  dlr_string name;   /* of what ran: "relu", "gemm", "copy to the host"; valid during the call */
  uint64_t label;    /* the host's, when it issued the work */
  uint64_t stream;   /* which one: any number, the same for all spans of a stream */
  uint64_t begin_ns; /* on the device's clock */
  uint64_t end_ns;   /* not before begin_ns */
} dlr_span;

typedef void (*dlr_span_fn)(void* context, const dlr_span*); /* must not throw */

/* Calls for one device come in the order begin, (label | now | collect)*, end. */
typedef struct dlr_profiler_type {
  uint64_t size;
  dlr_error* (*begin)(dlr_device*);             /* [owner] waits for what was issued before */
  void (*label)(dlr_device*, uint64_t label);   /* [owner] of what is issued from now on; 0 at first */
  dlr_error* (*now)(dlr_device*, uint64_t* ns); /* [owner] the device's clock, to compare it with the host's */
  /* [owner] Waits for all issued work and gives each span once, those of one stream in the order of issue. */
  dlr_error* (*collect)(dlr_device*, dlr_span_fn, void* context);
  dlr_error* (*end)(dlr_device*); /* [owner] waits too; spans not collected are dropped */
} dlr_profiler_type;

#ifdef __cplusplus
}
#endif

#endif /* DLRUN_PROFILER_H_ */
