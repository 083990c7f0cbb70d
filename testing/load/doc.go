// Package load is careful clients of a running platform, each on a keep-alive connection of its own,
// which count every request that fails and afterwards hold the platform to all that it answered.
//
// Nothing is sent again unseen: a failed request is counted, whatever failed it, and only then
// repeated with its key until its outcome is known. Start at Load.
package load
