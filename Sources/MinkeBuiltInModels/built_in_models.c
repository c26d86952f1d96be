#include "MinkeBuiltInModels.h"

// A translation unit must not be empty.
extern const char minke_built_in_models;
const char minke_built_in_models = 0;
