int has_no_call_of_the_table(void);
int has_no_call_of_the_table(void) { return 1; }
