// Package e2e tests the assembled platform as people run it: the built program, over HTTP and its
// command line, killed and started again.
package e2e
