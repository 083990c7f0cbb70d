//go:build !linux

package pgserver

import (
	"os/exec"
	"strconv"
)

// commandLine is how a live process was called; empty when there is none of that number.
func commandLine(pid int) string {
	out, err := exec.Command("ps", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return ""
	}
	return string(out)
}
