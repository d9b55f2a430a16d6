/* The bare cost of processes: forks N pairs that end at once. `forks N` is what `make bench` compares with.
 */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 0;

    for (int i = 0; i < count; i++) {
        for (int role = 0; role < 2; role++)
            if (fork() == 0)
                _exit(0);
        while (wait(NULL) > 0)
            continue;
    }
    return 0;
}
