package pgserver

import (
	"bytes"
	"fmt"
	"os"
)

// commandLine is how a live process was called; empty when there is none of that number.
func commandLine(pid int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return ""
	}
	return string(bytes.ReplaceAll(b, []byte{0}, []byte{' '}))
}
