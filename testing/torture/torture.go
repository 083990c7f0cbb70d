// Package torture says how much longer than in the normal suite long tests go on: make torture.
package torture

import (
	"os"
	"strconv"
)

// Times is MICROPAY_TORTURE, a whole number; 1 when it is none.
func Times() int {
	n, err := strconv.Atoi(os.Getenv("MICROPAY_TORTURE"))
	if err != nil {
		return 1
	}
	return n
}
