int a_function_that_no_library_has(void);
int socket(int d, int t, int p) { return a_function_that_no_library_has() + d + t + p; }
