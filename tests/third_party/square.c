/* square.c: a layer in plain C99 against abi.h alone: y = scale x^2, on mapped host memory. */
#include <dlrun/abi.h>
#include <stdlib.h>

static const dlr_host* host;

typedef struct square {
  double scale;
} square;

static dlr_string text(const char* data) {
  uint64_t length = 0;
  while (data[length] != 0)
    ++length;
  return (dlr_string){data, length};
}

static dlr_error* create(const dlr_params* params, dlr_context* context, void** self) {
  const dlr_params* own = NULL;
  square* made = NULL;
  dlr_error* error = host->params->message(params, text("square_param"), 0, &own);
  (void)context;
  if (error != NULL) return error;
  made = malloc(sizeof *made);
  if (made == NULL) return host->error(DLR_OUT_OF_MEMORY, text("out of memory"));
  error = host->params->number(own, text("scale"), 0, &made->scale);
  if (error != NULL) {
    free(made);
    return error;
  }
  *self = made;
  return NULL;
}

static dlr_error* setup(void* self, dlr_context* context) {
  dlr_layer_facts facts = {sizeof(dlr_layer_facts), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, {0}};
  (void)self;
  facts.host_only = 1;
  facts.per_sample = 1;
  host->context->set_facts(context, &facts);
  return NULL;
}

static dlr_error* reshape(void* self, dlr_context* context) {
  (void)self;
  return host->context->set_top(context, 0, host->context->bottom_desc(context, 0));
}

static int64_t count(const dlr_tensor_desc* desc) {
  int64_t product = 1;
  for (uint32_t axis = 0; axis < desc->rank; ++axis)
    product *= desc->dim[axis];
  return product;
}

/* y = scale x^2, or dx = 2 scale x dy. */
static void square_float(const float* x, const float* dy, float* out, int64_t n, float scale) {
  for (int64_t i = 0; i < n; ++i)
    out[i] = dy == NULL ? scale * x[i] * x[i] : 2 * scale * x[i] * dy[i];
}
static void square_double(const double* x, const double* dy, double* out, int64_t n, double scale) {
  for (int64_t i = 0; i < n; ++i)
    out[i] = dy == NULL ? scale * x[i] * x[i] : 2 * scale * x[i] * dy[i];
}

static dlr_error* work(const square* self, dlr_context* context, dlr_tensor* gradient,
                       dlr_tensor* output) {
  const dlr_context_api* api = host->context;
  const int64_t n = count(api->bottom_desc(context, 0));
  void* x = NULL;
  void* dy = NULL;
  void* out = NULL;
  dlr_error* error = api->map(context, api->bottom(context, 0), DLR_READ, &x);
  if (error == NULL && gradient != NULL) error = api->map(context, gradient, DLR_READ, &dy);
  if (error == NULL) error = api->map(context, output, DLR_WRITE, &out);
  if (error != NULL) return error;
  if (api->dtype(context) == DLR_F64) {
    square_double(x, dy, out, n, self->scale);
  } else {
    square_float(x, dy, out, n, (float)self->scale);
  }
  return NULL;
}

static dlr_error* forward(void* self, dlr_context* context) {
  return work(self, context, NULL, host->context->top(context, 0));
}

static dlr_error* backward(void* self, dlr_context* context) {
  dlr_tensor* gradient = host->context->bottom_gradient(context, 0);
  if (gradient == NULL) return NULL;
  return work(self, context, host->context->top_gradient(context, 0), gradient);
}

static void destroy(void* self) {
  free(self);
}

static dlr_error* init(const dlr_host* given, dlr_string folder) {
  (void)folder;
  host = given;
  return NULL;
}

#define TEXT(literal) \
  { literal, sizeof(literal) - 1 }

static const dlr_layer_type layer = {sizeof(dlr_layer_type),
                                     1,
                                     1,
                                     1,
                                     1,
                                     NULL,
                                     0,
                                     create,
                                     setup,
                                     reshape,
                                     forward,
                                     backward,
                                     NULL,
                                     NULL,
                                     destroy};
static const dlr_schema schema = {
    sizeof(dlr_schema), TEXT("square.proto"),
    TEXT("message SquareParameter { optional double scale = 1 [default = 1]; }\n"
         "extend LayerParameter { optional SquareParameter square_param = 20001; }\n")};
static const dlr_schema* const schemas[] = {&schema};
static const dlr_provided provides = {sizeof(dlr_provided), TEXT("dlrun.layer/1"), TEXT("Square"),
                                      TEXT("scale times x squared"), &layer};
static const dlr_provided* const provided[] = {&provides};
static const dlr_plugin plugin = {sizeof(dlr_plugin),
                                  DLR_ABI_MAJOR,
                                  DLR_ABI_MINOR,
                                  DLR_ABI_MINOR,
                                  0,
                                  TEXT("com.example.square"),
                                  TEXT("1.0.0"),
                                  TEXT(""),
                                  schemas,
                                  1,
                                  provided,
                                  1,
                                  init,
                                  NULL,
                                  NULL};

const dlr_plugin* dlrun_plugin_query(uint32_t host_major, uint32_t host_minor, const char** why) {
  (void)host_minor;
  if (host_major == DLR_ABI_MAJOR) return &plugin;
  *why = "built for another major version of the plugin interface; rebuild the plugin";
  return NULL;
}
