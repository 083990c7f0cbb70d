// Package pgserver finds or makes a PostgreSQL to work with, so that MicroPay runs and is tested
// on a bare machine. There is one dialect and no in-memory double.
//
// Start takes the first of these that works, and How says in one line which it was:
//
//  1. the address it is given (DATABASE_URL);
//  2. PostgreSQL's own programs on this machine: PATH, /usr/lib/postgresql/*/bin (newest first),
//     Homebrew's folders, pg_config --bindir. They run as a child on a free loopback port;
//  3. on Debian and its relatives, with the right to, the distribution's package is installed;
//  4. binaries fetched once into a cache by fergusstrange/embedded-postgres;
//  5. an error of one line that says what to install.
//
// A child is started as an unprivileged user when the caller is root, in a process group of its
// own (Ctrl-C in a terminal reaches only the caller, which stops the child when its own work is
// drained), and asks for a random password kept in the data directory. If the caller dies
// without stopping it, even by kill -9, a small watcher shuts it down properly; a server that
// outlived that too is shut down before the next one starts on the same data.
package pgserver
