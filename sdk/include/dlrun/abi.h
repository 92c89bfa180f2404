/* abi.h: the contract between dlrun and every plugin: layers, solvers, sources, devices and the rest.
 * Status: RELEASE CANDIDATE. It grows by the rules below while the catalogue is written on it; then it is 1.0.
 *
 * A plugin exports one function, dlrun_plugin_query, which returns constant data: the things it provides, each a
 * struct of functions that the host calls. In turn the plugin calls the host through struct dlr_host and the structs
 * it points to. For devices docs/operators.md and docs/write-a-device.md are part of the contract.
 *
 * Rules of change, for the host and for plugins alike:
 *  - A struct that begins with `size` (its sizeof where it was compiled) only ever grows at its end. A field is
 *    there when it lies within `size` (DLR_HAS); an optional function is also absent when NULL.
 *  - A struct without `size` is frozen for ever. So is the meaning of every field and every string id; a changed
 *    meaning gets a new id ("dlrun.layer/2"), and the old one is served for two majors.
 *  - Who makes a struct sets all of it, and `reserved` to 0. A field added later, or made of reserved bytes, means
 *    by 0 what hosts did before it. Fields beyond minor 3 stand within `#if DLR_TARGET_MINOR >= N`.
 *  - Arrays of sized structs are arrays of pointers, so that elements may grow.
 *  - Fixed-width integers only. Booleans are uint8_t, 0 or 1. No enum, no size_t, no tail padding.
 *  - Values grow too: element types, error codes, log levels, operators and their attributes. Who meets one it doesn't
 *    know declines it where declining is possible, as a device does, and else refuses it or takes the nearest.
 *  - A host asks a plugin with each major that it serves, newest first (dlr_host.abi_major: the one it was asked with);
 *    the plugin answers to its own. Minors go on counting when the major changes: they never begin anew.
 *  - Each change raises DLR_ABI_MINOR, is logged in sdk/CHANGELOG.md and listed in sdk/abi-fields.txt.
 *
 * Errors: functions return dlr_error*, NULL for success. The host makes errors (dlr_host.error), the receiver owns
 * them. No exception and no longjmp crosses this boundary, in either direction. After an error out parameters mean
 * nothing and nothing was made; the object itself stays, and can be destroyed.
 *
 * Memory: who allocates, frees. What was made is destroyed exactly once, also when its handle is NULL. Strings and
 * arrays passed in are valid during the call only, and may be NULL when they are empty; strings and structs returned
 * by query stay valid while the library is loaded; what another function returns, as long as the object it was asked
 * of. The caller of a function that fills in a struct zeroes it and sets its size; the callee writes fields within
 * that size only. What else is said is said beside it.
 *
 * Who may call, and when, stands in brackets on every function. Its object is its first argument; for a device's
 * functions, the device.
 *   [any-thread]   at any time from the beginning of init to the end of shutdown, from any thread
 *   [owner]        from one thread at a time per object, which need not be the same one each time
 *   [build]        [owner], and only while the object is being created, set up or reshaped
 *   [run]          [owner], and only inside forward, backward or update
 */
#ifndef DLRUN_ABI_H_
#define DLRUN_ABI_H_

#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

#define DLR_ABI_MAJOR 0u
#define DLR_ABI_MINOR 3u
/* A plugin built for older hosts sets this to their minor; newer fields then don't exist for it. */
#ifndef DLR_TARGET_MINOR
#define DLR_TARGET_MINOR DLR_ABI_MINOR
#elif DLR_TARGET_MINOR < 3
#error "DLR_TARGET_MINOR: the interface was unstable before minor 3"
#endif

#define DLR_MAX_RANK 8
#define DLR_MAX_ARGS 32 /* of one launch or operator */
/* Whether `field` lies within the size that the struct's maker declared. */
#define DLR_HAS(pointer, field) \
  ((pointer)->size >= (uint64_t)((const char*)&(pointer)->field + sizeof((pointer)->field) - (const char*)(pointer)))

/* ---- Values ------------------------------------------------------------------------------------------ */
/* Text: UTF-8, not necessarily ended by a zero byte. Frozen. */
typedef struct dlr_string {
  const char* data;
  uint64_t length;
} dlr_string;

/* Memory that begins `offset` bytes behind a handle. In space 0 (the host's) that is an address; another space is a
 * number that only one open device uses (say, its address), with handles of its own. All zeros: none. Frozen. */
typedef struct dlr_mem {
  uint64_t space;
  uint64_t handle;
  uint64_t offset;
  uint64_t bytes;
} dlr_mem;
#define DLR_SPACE_HOST 0u

/* Key of a random number: the number is a pure function of (seed, stream, counter); see dlrun/random.h. Frozen. */
typedef struct dlr_random_key {
  uint64_t seed;
  uint64_t stream;
} dlr_random_key;

/* Element types: a letter and the number of bits. */
#define DLR_F32 (((uint32_t)'f' << 8) | 32u)
#define DLR_F64 (((uint32_t)'f' << 8) | 64u)
#define DLR_I32 (((uint32_t)'i' << 8) | 32u)
#define DLR_I64 (((uint32_t)'i' << 8) | 64u)
#define DLR_U8 (((uint32_t)'u' << 8) | 8u)

/* Layouts: plain is row-major without padding; ANY asks a plan to choose; every other value is private to
 * the device that chose it. Padding in a private layout is zero between operations. */
#define DLR_LAYOUT_PLAIN 0u
#define DLR_LAYOUT_ANY UINT64_MAX

typedef struct dlr_tensor_desc {
  uint64_t size;
  uint32_t dtype;
  uint32_t rank; /* 0 for a scalar: one element */
  int64_t dim[DLR_MAX_RANK];
  uint64_t layout;
} dlr_tensor_desc;

/* Elements in host memory, plain, row-major: what sources deliver and fillers fill. Frozen. */
typedef struct dlr_array {
  void* data;
  uint64_t bytes;
  uint32_t dtype;
  uint32_t rank;
  int64_t dim[DLR_MAX_RANK];
} dlr_array;

/* ---- Errors and logging -------------------------------------------------------------------------------- */
typedef struct dlr_error dlr_error; /* opaque, made by the host */
#define DLR_INVALID_ARGUMENT 1u     /* the configuration or an input is wrong */
#define DLR_UNIMPLEMENTED 2u        /* normal answer to an optional request */
#define DLR_OUT_OF_MEMORY 3u
#define DLR_IO_ERROR 4u       /* a file or a database */
#define DLR_DEVICE_ERROR 5u   /* a driver call failed */
#define DLR_INTERNAL_ERROR 6u /* a bug of the reporter; also what an unknown code means */
#define DLR_LOG_DEBUG 1u
#define DLR_LOG_INFO 2u
#define DLR_LOG_WARNING 3u

/* ---- Configuration ------------------------------------------------------------------------------------- */
typedef struct dlr_params dlr_params; /* a message of the configuration; lives as long as the object it was given to */

/* Reads a message by field name. A field that isn't set gives its declared default. `index` counts the
 * elements of a repeated field (0 otherwise). An unknown name (0 for has and count) or a wrong index is an error. */
typedef struct dlr_params_api {
  uint64_t size;
  uint8_t (*has)(const dlr_params*, dlr_string field);   /* [any-thread] set in the configuration */
  int64_t (*count)(const dlr_params*, dlr_string field); /* [any-thread] elements set */
  dlr_error* (*number)(const dlr_params*, dlr_string field, int64_t index, double* out);   /* [any-thread] */
  dlr_error* (*integer)(const dlr_params*, dlr_string field, int64_t index, int64_t* out); /* [any-thread] also bool */
  dlr_error* (*text)(const dlr_params*, dlr_string field, int64_t index, dlr_string* out); /* [any-thread] also enum */
  dlr_error* (*message)(const dlr_params*, dlr_string field, int64_t index,
                        const dlr_params** out); /* [any-thread] an empty message when not set */
  /* [any-thread] An error that begins with file:line:column of `field` (or of the message when empty). */
  dlr_error* (*error_at)(const dlr_params*, dlr_string field, uint32_t code, dlr_string message);
  /* [any-thread] A path written in the configuration: tried from the current folder, then from the file's. */
  dlr_error* (*path)(const dlr_params*, dlr_string field, int64_t index, dlr_string* out);
} dlr_params_api;

/* ---- Kernels: written once, run on every device (sdk/include/dlrun/kernel_*.h) --------------------------- */
/* One argument of a launched kernel: a memory, a real or an integer, as the kernel's parameter says. Frozen. */
typedef struct dlr_kernel_arg {
  dlr_mem mem;
  double real;
  int64_t integer;
} dlr_kernel_arg;

/* Runs items [begin, end) of a kernel on the calling thread. */
typedef void (*dlr_cpu_entry)(const dlr_kernel_arg* args, int64_t begin, int64_t end); /* [any-thread] */

/* The CPU build of a kernel for one instruction set. NULL entries are absent. */
typedef struct dlr_cpu_variant {
  uint64_t size;
  dlr_string isa;         /* "baseline"; "avx2": AVX2, FMA; "avx512": also AVX-512 F, BW, DQ, VL */
  dlr_cpu_entry f32;      /* real = float,  idx = int32_t */
  dlr_cpu_entry f64;      /* real = double, idx = int32_t */
  dlr_cpu_entry f32_wide; /* idx = int64_t */
  dlr_cpu_entry f64_wide;
} dlr_cpu_variant;

/* Constant, with all it points to, while the library is loaded: hosts and devices know a kernel by its address. */
typedef struct dlr_kernel {
  uint64_t size;
  dlr_string name;
  dlr_string parameters; /* the parameter list as written: "DLR_IN(real) x, DLR_OUT(real) y, real slope" */
  dlr_string source;     /* the whole kernel file, for run-time compilers */
  const dlr_cpu_variant* const* variants;
  uint32_t n_variants;
  uint8_t elementwise;  /* uses element i of each operand only, no index arithmetic */
  uint8_t zero_to_zero; /* f(0, ...) = 0, so padding stays zero */
  uint8_t atomic;       /* adds atomically: not bitwise repeatable */
  uint8_t reserved;     /* for levels of the dialect: today's is 0 */
} dlr_kernel;

/* ---- Operators: what a device may know better than a kernel (docs/operators.md lists them) --------------- */
typedef struct dlr_attribute {
  uint64_t size;
  dlr_string name;
  const int64_t* integers;
  uint64_t n_integers;
  double number;
} dlr_attribute;
/* An operation fused behind an operator, e.g. {"relu", alpha = slope}. */
typedef struct dlr_post_op {
  uint64_t size;
  dlr_string kind; /* "relu", "sigmoid", "tanh": docs/operators.md */
  double alpha;
  double beta;
  int64_t operand; /* index among the arguments, or -1 */
} dlr_post_op;

typedef struct dlr_op_desc {
  uint64_t size;
  dlr_string op; /* "gemm", "convolution_forward", ... */
  const dlr_attribute* const* attributes;
  dlr_tensor_desc* const* args; /* dtype 0: absent. Layout ANY: the plan writes its choice here, never ANY */
  const dlr_post_op* const* post_ops;
  uint32_t n_attributes;
  uint32_t n_args;
  uint32_t n_post_ops;
  uint8_t accumulate;          /* asked: add into the outputs */
  uint8_t accumulate_accepted; /* out: it will; else it counts as declined */
  uint8_t reserved[2];
  uint64_t workspace_bytes; /* out: needed while running */
  uint64_t reserve_bytes;   /* out, for those with the attribute "pair": written by a forward, read by its backward */
} dlr_op_desc;

/* ---- What a layer or solver can ask the host for ---------------------------------------------------------- */
typedef struct dlr_tensor dlr_tensor;   /* host-owned: shape, type, and copies that follow the data */
typedef struct dlr_context dlr_context; /* host-owned: one layer or solver within one net */
/* How an argument is used. Write: the old elements aren't needed any more. Several writes may fill one tensor part by
 * part; all of it is written before forward, backward or update returns. */
#define DLR_SCALAR 0u
#define DLR_READ 1u
#define DLR_WRITE 2u
#define DLR_ACCUMULATE 3u /* added into; for operators */
#define DLR_READ_WRITE 4u

/* An argument of launch or run_operator. `integer` of a tensor is an offset in elements (plain layout). Frozen. */
typedef struct dlr_arg {
  dlr_tensor* tensor; /* NULL for a scalar */
  double real;
  int64_t integer;
  uint32_t access;
  uint32_t reserved;
} dlr_arg;

typedef struct dlr_bottom_facts {
  uint64_t size;
  uint8_t data_needed_in_backward; /* default 1 */
  uint8_t gradient_flows;          /* default 1; 0 for labels and other inputs without a gradient */
  uint8_t index_input;             /* holds whole numbers used as indices */
  uint8_t reserved;
  int32_t gradient_inplace_of; /* this top's gradient may share memory with the bottom's; default -1 */
} dlr_bottom_facts;
typedef struct dlr_top_facts {
  uint64_t size;
  int32_t inplace_of;              /* this bottom's memory may become the top's; default -1 */
  int32_t view_of;                 /* the top is that bottom in another shape, in its memory; default -1 */
  uint8_t data_needed_in_backward; /* default 1 */
  uint8_t is_loss;                 /* weighs 1 in the objective unless loss_weight says otherwise */
  uint8_t reserved[6];
} dlr_top_facts;
/* Of a layer all of whose tops are views nothing is called while running. Of one with other tops too forward and
 * backward are, and the views' gradients are backward's to add. */

/* All 0 unless set. uses_random, nondeterministic, side_effects and gradients_accumulate must be set where they hold. */
typedef struct dlr_layer_facts {
  uint64_t size;
  uint8_t elementwise;          /* top element i depends on bottom elements i only */
  uint8_t zero_to_zero;         /* zeros in give zeros out */
  uint8_t identity_in_test;     /* does nothing in phase TEST */
  uint8_t uses_random;          /* draws random numbers */
  uint8_t nondeterministic;     /* the same inputs may give other bits */
  uint8_t side_effects;         /* must run although nothing reads its tops */
  uint8_t host_only;            /* works on mapped host memory: runs on the host device without complaint */
  uint8_t per_sample;           /* sample n of each top depends on sample n of each bottom only */
  uint8_t gradients_accumulate; /* adds into its parameters' gradients instead of writing them */
  uint8_t no_backward;          /* has no gradient at all, e.g. a metric */
  uint8_t reserved[6];
} dlr_layer_facts;

typedef struct dlr_param_desc {
  uint64_t size;
  const dlr_tensor_desc* shape;
  const dlr_params* filler; /* a FillerParameter, or NULL: `value` */
  double lr_mult;           /* default unless the net's `param` says otherwise */
  double decay_mult;
  uint8_t is_state; /* not learned: kept in snapshots, never updated by a solver */
  uint8_t reserved[7];
  double value; /* of every element at first, without a filler */
} dlr_param_desc;
typedef struct dlr_scratch_desc {
  uint64_t size;
  const dlr_tensor_desc* shape;
  int64_t unless_operator; /* not needed when this operator was planned; -1: always */
  uint8_t reserve;         /* lives from forward to backward; else only within one call */
  uint8_t reserved[7];
} dlr_scratch_desc;

typedef struct dlr_context_api {
  uint64_t size;
  /* Facts of the net around the layer. */
  dlr_string (*name)(dlr_context*);    /* [owner] */
  uint32_t (*n_bottoms)(dlr_context*); /* [owner] */
  uint32_t (*n_tops)(dlr_context*);    /* [owner] */
  /* [owner] The net's working type, DLR_F32 or DLR_F64: that of all bottoms, tops, parameters and gradients. */
  uint32_t (*dtype)(dlr_context*);
  uint8_t (*is_training)(dlr_context*);       /* [owner] phase TRAIN */
  uint8_t (*may_run_backward)(dlr_context*);  /* [owner] a backward may follow: keep what it will read */
  dlr_random_key (*random_key)(dlr_context*); /* [run] of this layer in this pass, forward and backward */
  const dlr_tensor_desc* (*bottom_desc)(dlr_context*, uint32_t index); /* [owner] from setup on */
  const dlr_tensor_desc* (*top_desc)(dlr_context*, uint32_t index);    /* [owner] once set_top was called */

  /* What a layer declares in setup (what is wrong here is told when it returns) ... */
  void (*set_facts)(dlr_context*, const dlr_layer_facts*);                         /* [build] */
  void (*set_bottom_facts)(dlr_context*, uint32_t index, const dlr_bottom_facts*); /* [build] */
  void (*set_top_facts)(dlr_context*, uint32_t index, const dlr_top_facts*);       /* [build] */
  dlr_error* (*add_param)(dlr_context*, const dlr_param_desc*, uint32_t* index);   /* [build] setup only */
  /* ... and in reshape. */
  dlr_error* (*set_top)(dlr_context*, uint32_t index, const dlr_tensor_desc*);       /* [build] reshape only */
  dlr_error* (*add_scratch)(dlr_context*, const dlr_scratch_desc*, uint32_t* index); /* [build] reshape only */
  /* Describes an operator, without post-ops, to plan once memory and devices are known; with an empty tensor it isn't.
   * `role` "forward": exactly this takes bottom 0 to top 0; empty otherwise. The host may then fuse another layer's
   * activation behind it; or this one, if it is elementwise and has one number at most, behind another layer's: then its
   * forward isn't called, and its backward reads nothing that forward would have kept. */
  dlr_error* (*add_operator)(dlr_context*, const dlr_op_desc*, dlr_string role, uint32_t* index); /* [build] */
  void (*set_cost)(dlr_context*, double flops, double bytes); /* [build] reshape: one forward pass */

  /* Tensors, while running. Gradients of bottoms and parameters are NULL when not wanted; a backward writes every element
   * of those of bottoms. Those of tops are never NULL in a backward, zeros where nothing reads the top, and only read
   * unless gradient_inplace_of says otherwise. */
  dlr_tensor* (*bottom)(dlr_context*, uint32_t index);          /* [run] */
  dlr_tensor* (*top)(dlr_context*, uint32_t index);             /* [run] */
  dlr_tensor* (*bottom_gradient)(dlr_context*, uint32_t index); /* [run] backward */
  dlr_tensor* (*top_gradient)(dlr_context*, uint32_t index);    /* [run] backward */
  dlr_tensor* (*param)(dlr_context*, uint32_t index);           /* [run] */
  dlr_tensor* (*param_gradient)(dlr_context*, uint32_t index);  /* [run] backward */
  dlr_tensor* (*scratch)(dlr_context*, uint32_t index);         /* [run] */
  const dlr_tensor_desc* (*describe)(const dlr_tensor*);        /* [run] */

  /* Work. A launch runs `items` independent items of `width` elements each (rows and columns, groups and lanes). */
  dlr_error* (*launch)(dlr_context*, const dlr_kernel*, int64_t items, int64_t width, const dlr_arg* args,
                       uint32_t n_args);                 /* [run] */
  uint8_t (*has_operator)(dlr_context*, uint32_t index); /* [run] whether the device planned it */
  dlr_error* (*run_operator)(dlr_context*, uint32_t index, const dlr_arg* args, uint32_t n_args); /* [run] */
  /* The address of a current plain copy in host memory; valid until other work uses the tensor, or forward, backward
   * or update returns. */
  dlr_error* (*map)(dlr_context*, dlr_tensor*, uint32_t access, void** address); /* [run] */
  /* Gives a tensor its values by the filler that a FillerParameter names; random ones differ by pass. */
  dlr_error* (*fill)(dlr_context*, dlr_tensor*, const dlr_params* filler); /* [run] */
} dlr_context_api;

/* ---- The host ---------------------------------------------------------------------------------------------- */
typedef struct dlr_database dlr_database; /* an open database */
typedef struct dlr_decoder dlr_decoder;   /* reusable memory for decoding */
/* A Datum as its bytes say. Arrays and text are valid until the next call on the same decoder. */
typedef struct dlr_datum {
  uint64_t size;
  dlr_array pixels; /* uint8 or float32, [channels, height, width]; decoded when it was encoded */
  int64_t label;
} dlr_datum;

typedef struct dlr_data_api {
  uint64_t size;
  dlr_error* (*open_decoder)(dlr_decoder** out); /* [any-thread] */
  void (*close_decoder)(dlr_decoder*);           /* [owner] */
  /* `channels`: 0 as stored, 1 force gray, 3 force colour. */
  dlr_error* (*decode_datum)(dlr_decoder*, dlr_string bytes, uint32_t channels, dlr_datum* out); /* [owner] */
  dlr_error* (*decode_blob)(dlr_decoder*, dlr_string bytes, dlr_array* out); /* [owner] a BlobProto, as float32 */
  /* Opens, for the object that was given `asker`, a database through the plugin that provides `kind` ("LMDB"). */
  dlr_error* (*open_database)(const dlr_params* asker, dlr_string kind, dlr_string path,
                              dlr_database** out);   /* [build] */
  void (*close_database)(dlr_database*);             /* [owner] */
  dlr_error* (*count)(dlr_database*, uint64_t* out); /* [owner] entries */
  dlr_error* (*first)(dlr_database*);                /* [owner] */
  /* The entry under the cursor, then steps; *at_end 1: there was none. Bytes are valid until the next call. */
  dlr_error* (*next)(dlr_database*, dlr_string* key, dlr_string* value, uint8_t* at_end); /* [owner] */
} dlr_data_api;

typedef void (*dlr_range_fn)(void* context, int64_t begin, int64_t end);
typedef struct dlr_host {
  uint64_t size;
  uint32_t abi_major;
  uint32_t abi_minor;
  dlr_error* (*error)(uint32_t code, dlr_string message); /* [any-thread] */
  uint32_t (*error_code)(const dlr_error*);               /* [any-thread] */
  dlr_string (*error_message)(const dlr_error*);          /* [any-thread] lives as long as the error */
  void (*error_free)(dlr_error*);                         /* [any-thread] */
  void (*log)(uint32_t level, dlr_string message);        /* [any-thread] */
  /* [any-thread] Calls fn on disjoint ranges that cover [0, n), each at least `grain` long but the last. The
   * ranges depend on n, grain and the configured number of threads only. fn must not throw. */
  void (*parallel_for)(int64_t n, int64_t grain, dlr_range_fn fn, void* context);
  /* [any-thread] Interfaces by id: those of the host below and optional ones; NULL when unknown. */
  const void* (*get_interface)(dlr_string id);
  const dlr_params_api* params;   /* "dlrun.params/1" */
  const dlr_context_api* context; /* "dlrun.context/1" */
  const dlr_data_api* data;       /* "dlrun.data/1" */
} dlr_host;

/* ---- What a plugin provides, by kind ------------------------------------------------------------------------ */
#define DLR_UNBOUNDED (-1)
/* "dlrun.layer/1". One instance per layer of a net. */
typedef struct dlr_layer_type {
  uint64_t size;
  int32_t min_bottoms;
  int32_t max_bottoms; /* DLR_UNBOUNDED: any number */
  int32_t min_tops;
  int32_t max_tops;
  const dlr_kernel* const* kernels; /* all that it may launch, and no others, so that a device can build them ahead */
  uint64_t n_kernels;
  /* [build] `params` is the LayerParameter and lives as long as the instance. Reads all parameters, once. */
  dlr_error* (*create)(const dlr_params* params, dlr_context*, void** self);
  dlr_error* (*setup)(void* self, dlr_context*); /* [build] once: facts and parameters, from bottom shapes */
  /* [build] any number of times, pure in shapes: tops, scratch, operators, in place of those declared before. */
  dlr_error* (*reshape)(void* self, dlr_context*);
  dlr_error* (*forward)(void* self, dlr_context*);  /* [run] at most once in a pass */
  dlr_error* (*backward)(void* self, dlr_context*); /* [run] optional: no gradient */
  /* [owner] optional: what a snapshot must hold beyond parameters. `write` may be called several times. */
  dlr_error* (*save_state)(void* self, dlr_error* (*write)(void* sink, dlr_string bytes), void* sink);
  dlr_error* (*load_state)(void* self, dlr_string bytes); /* [owner] optional; behind setup and reshape */
  void (*destroy)(void* self);                            /* [owner] */
} dlr_layer_type;

/* One parameter's update. */
typedef struct dlr_update {
  uint64_t size;
  dlr_context* context; /* for dtype, launch, map and describe; the rest of it gives NULL, 0 or an error */
  dlr_tensor* param;
  dlr_tensor* gradient; /* clipped, normalised and regularised; the solver may overwrite it */
  dlr_tensor* const* history;
  uint64_t n_history;
  int64_t iteration; /* from 0 */
  double rate;       /* the schedule's rate times the parameter's lr_mult */
} dlr_update;

/* "dlrun.solver/1" */
typedef struct dlr_solver_type {
  uint64_t size;
  const dlr_kernel* const* kernels;
  uint64_t n_kernels;
  dlr_error* (*create)(const dlr_params* solver, void** self); /* [build] a SolverParameter */
  uint32_t (*n_history)(void* self);                           /* [owner] tensors it keeps per parameter */
  dlr_error* (*update)(void* self, const dlr_update*);         /* [run] */
  void (*destroy)(void* self);                                 /* [owner] */
} dlr_solver_type;

/* "dlrun.schedule/1": the learning rate as a pure function of the iteration. */
typedef struct dlr_schedule_type {
  uint64_t size;
  dlr_error* (*create)(const dlr_params* solver, void** self); /* [build] a SolverParameter */
  double (*rate)(void* self, int64_t iteration);               /* [owner] */
  void (*destroy)(void* self);                                 /* [owner] */
} dlr_schedule_type;

/* "dlrun.filler/1": first values of a parameter, a pure function of shape and key. */
typedef struct dlr_filler_type {
  uint64_t size;
  /* [any-thread] `params` is a FillerParameter; `out` is float32 or float64. */
  dlr_error* (*fill)(const dlr_params* params, dlr_random_key key, dlr_array* out);
} dlr_filler_type;

/* One sample: an array for each top, valid until the next read of the same source. */
typedef struct dlr_item {
  uint64_t size;
  dlr_array* arrays; /* n_tops of them, owned by the caller; the source fills them in */
  uint64_t n_arrays;
} dlr_item;
typedef struct dlr_source_info {
  uint64_t size;
  uint64_t batch_size;
  uint64_t length; /* items before the source begins anew */
} dlr_source_info;

/* "dlrun.source/1": an endless sequence of samples. What is at a position is a pure function of the
 * parameters, the key and the position: so a run can go on exactly where it stopped. */
typedef struct dlr_source_type {
  uint64_t size;
  int32_t min_tops;
  int32_t max_tops;
  /* [build] `params` is the LayerParameter; `key` is for shuffling. */
  dlr_error* (*create)(const dlr_params* params, uint32_t n_tops, dlr_random_key key, void** self);
  dlr_error* (*describe)(void* self, dlr_source_info* out); /* [owner] */
  /* [owner] Cheap for the position behind the last one read; anywhere for a resume. */
  dlr_error* (*read)(void* self, uint64_t position, dlr_item* out);
  /* [owner] Whether transforms apply to this top (images yes, labels no). */
  uint8_t (*transforms_top)(void* self, uint32_t top);
  void (*destroy)(void* self); /* [owner] */
} dlr_source_type;

/* "dlrun.transform/1": provided under the name of the LayerParameter field that configures it. */
typedef struct dlr_transform_type {
  uint64_t size;
  /* [build] `params` is that field's message. */
  dlr_error* (*create)(const dlr_params* params, uint8_t is_training, void** self);
  /* [owner] Sets all of the result's rank, dim and dtype, from those of `in`, whose data isn't there. */
  dlr_error* (*shape)(void* self, const dlr_array* in, dlr_array* out);
  /* [owner] `out` has memory for what `shape` said; `key` and `position` are the sample's. */
  dlr_error* (*apply)(void* self, const dlr_array* in, dlr_random_key key, uint64_t position, dlr_array* out);
  void (*destroy)(void* self); /* [owner] */
} dlr_transform_type;

/* "dlrun.database/1": keys and values on disk, in key order. */
typedef struct dlr_database_type {
  uint64_t size;
  /* [build] create 1: a new one, to write only, which must not exist; 0: to read only, the cursor at the first. */
  dlr_error* (*open)(dlr_string path, uint8_t create, void** self);
  dlr_error* (*count)(void* self, uint64_t* out);                                      /* [owner] */
  dlr_error* (*first)(void* self);                                                     /* [owner] */
  dlr_error* (*next)(void* self, dlr_string* key, dlr_string* value, uint8_t* at_end); /* [owner] as in dlr_data_api */
  dlr_error* (*put)(void* self, dlr_string key, dlr_string value);                     /* [owner] */
  dlr_error* (*commit)(void* self);                                                    /* [owner] what isn't is lost */
  void (*close)(void* self);                                                           /* [owner] */
} dlr_database_type;

/* ---- Devices -------------------------------------------------------------------------------------------------- */
typedef struct dlr_device dlr_device; /* plugin-owned: one open device */
typedef struct dlr_stream dlr_stream; /* plugin-owned: work in order. NULL: done when the function returns */
typedef struct dlr_event dlr_event;
typedef struct dlr_plan dlr_plan;                 /* plugin-owned: an operator ready to run */
typedef struct dlr_built_kernel dlr_built_kernel; /* plugin-owned: a kernel ready to launch */
typedef struct dlr_device_info {
  uint64_t size;
  dlr_string name;   /* "AMD EPYC, 2 threads, avx2"; valid while the device is open */
  dlr_string driver; /* and version */
  uint64_t memory_bytes;
  uint64_t alignment;          /* of every allocation */
  uint64_t largest_allocation; /* bytes; 0: no limit known */
  uint8_t host_memory;         /* allocates and works in space 0; the host then uses the NULL stream only */
  uint8_t float64;
  uint8_t reserved[6];
} dlr_device_info;
typedef struct dlr_device_options {
  uint64_t size;
  uint64_t threads; /* for devices that use the host's cores; 0: all */
  dlr_string isa;   /* "": the best there is; or a lesser one, to compare */
} dlr_device_options;

/* "dlrun.device/1". Level 0 is required; the rest is optional, from level 1 upwards. Whole groups or none: record,
 * wait, destroy_event; build_kernel, release_kernel, launch; plan, destroy_plan, run; layout_bytes, zero_padding. */
typedef struct dlr_device_type {
  uint64_t size;
  int32_t score;   /* `device: auto` tries higher ones first; below 0: never by itself */
  uint8_t is_host; /* the reference on the host's own cores: runs what other devices can't */
  uint8_t reserved[3];
  /* [any-thread] How many devices there are now; when none, *reason says why, valid until the
   * next call. No driver call before this one. */
  dlr_error* (*count)(uint64_t* n, dlr_string* reason);
  dlr_error* (*open)(uint64_t index, const dlr_device_options*, dlr_device** out); /* [build] */
  void (*close)(dlr_device*);                                                      /* [owner] */
  dlr_error* (*info)(dlr_device*, dlr_device_info* out);                           /* [owner] */
  /* level 0: memory and order. Work is issued to a stream and may finish later; copies are ordered in it. */
  dlr_error* (*allocate)(dlr_device*, uint64_t bytes, dlr_mem* out); /* [owner] bytes > 0; out->bytes is the same */
  void (*release)(dlr_device*, dlr_mem);                             /* [owner] what allocate gave, as it was */
  dlr_error* (*copy)(dlr_device*, dlr_stream*, dlr_mem to, dlr_mem from, uint64_t bytes); /* [owner] */
  dlr_error* (*zero)(dlr_device*, dlr_stream*, dlr_mem, uint64_t bytes);                  /* [owner] */
  dlr_error* (*create_stream)(dlr_device*, dlr_stream** out);                             /* [owner] */
  void (*destroy_stream)(dlr_device*, dlr_stream*);                                       /* [owner] */
  /* [owner] Waits for all work issued to the stream (NULL: to every stream); reports late errors. */
  dlr_error* (*synchronize)(dlr_device*, dlr_stream*);
  /* [owner] optional. *inout NULL: makes an event; else marks it anew, and waits issued before keep the old mark. */
  dlr_error* (*record)(dlr_device*, dlr_stream*, dlr_event** inout);
  dlr_error* (*wait)(dlr_device*, dlr_stream*, dlr_event*); /* [owner] optional: the stream waits */
  void (*destroy_event)(dlr_device*, dlr_event*);           /* [owner] optional */
  /* level 1: portable kernels. index_bits is 32 or 64. DLR_UNIMPLEMENTED: the source is in a newer dialect. */
  dlr_error* (*build_kernel)(dlr_device*, const dlr_kernel*, uint32_t dtype, uint32_t index_bits,
                             dlr_built_kernel** out);     /* [owner] */
  void (*release_kernel)(dlr_device*, dlr_built_kernel*); /* [owner] */
  dlr_error* (*launch)(dlr_device*, dlr_stream*, dlr_built_kernel*, int64_t items, int64_t width,
                       const dlr_kernel_arg* args, uint32_t n_args); /* [owner] */
  /* level 2 and 3: operators. Answers DLR_UNIMPLEMENTED with a reason for what it won't run, e.g. because its
   * library would fall back to reference code. What it plans, it runs. */
  dlr_error* (*plan)(dlr_device*, dlr_op_desc* inout, dlr_plan** out); /* [owner] */
  void (*destroy_plan)(dlr_device*, dlr_plan*);                        /* [owner] */
  dlr_error* (*run)(dlr_device*, dlr_stream*, dlr_plan*, const dlr_mem* args, uint32_t n_args, dlr_mem workspace,
                    dlr_mem reserve); /* [owner] an absent argument is all zeros */
  /* level 4: private layouts. Conversions are plans of the operator "reorder" (from, to). */
  dlr_error* (*layout_bytes)(dlr_device*, const dlr_tensor_desc*, uint64_t* out);        /* [owner] */
  dlr_error* (*zero_padding)(dlr_device*, dlr_stream*, const dlr_tensor_desc*, dlr_mem); /* [owner] */
} dlr_device_type;

/* ---- The entry ---------------------------------------------------------------------------------------------------- */
/* A .proto text: messages, and `extend LayerParameter { ... }` (or another core message). */
typedef struct dlr_schema {
  uint64_t size;
  dlr_string file; /* its name, for messages */
  dlr_string text;
} dlr_schema;
typedef struct dlr_provided {
  uint64_t size;
  dlr_string interface_id; /* "dlrun.layer/1" */
  dlr_string name;         /* "ReLU" */
  dlr_string summary;      /* one line for `dlrun plugins list` */
  const void* type;        /* the interface's struct */
} dlr_provided;

typedef struct dlr_plugin {
  uint64_t size;
  uint32_t abi_major;
  uint32_t abi_minor_built;    /* of the header it was compiled with */
  uint32_t abi_minor_required; /* of the oldest host that can run it */
  uint32_t reserved;
  dlr_string id;        /* "org.dlrun.relu", reverse domain name, one per library */
  dlr_string version;   /* "1.0.0" */
  dlr_string needs_cpu; /* features without which the library can't even be opened, "avx2 fma"; or "" */
  const dlr_schema* const* schemas;
  uint64_t n_schemas;
  const dlr_provided* const* provided;
  uint64_t n_provided;
  /* [build] optional: called first, and again only after shutdown; the host's tables stay; `folder`: the library's. */
  dlr_error* (*init)(const dlr_host*, dlr_string folder);
  void (*shutdown)(void);                      /* [build] optional: called last, not from atexit nor if init failed */
  const void* (*get_interface)(dlr_string id); /* [any-thread] optional: interfaces beyond these */
} dlr_plugin;

#define DLR_EXPORT __attribute__((visibility("default")))

/* The only exported symbol. No side effects; callable at any time. Returns NULL and sets *why (a static string)
 * when it can't serve such a host. */
typedef const dlr_plugin* (*dlr_plugin_query_fn)(uint32_t host_major, uint32_t host_minor, const char** why);
DLR_EXPORT const dlr_plugin* dlrun_plugin_query(uint32_t host_major, uint32_t host_minor, const char** why);

#ifdef __cplusplus
}
#endif
#endif /* DLRUN_ABI_H_ */
