// Command packaging makes what people download of what `make cross` built: an archive for each platform, Debian packages, and
// the list of their sums. The same commit gives the same bytes, on any machine.
//
// It owns the forms of the files and what lies where in them. It must not know what the programs do, and is linked into none.
package main
