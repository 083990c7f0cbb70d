// Package awsfault stands between a client of AWS and a server, and misbehaves.
package awsfault
