// Package token decides whether a request's access token is good; every service asks for itself.
//
// A token is believed only when it is signed by RS256 with a key that the configured address
// publishes, names the configured issuer and an allowed client, is an access token, is in its
// time, and has not been revoked (RFC 8725). The header chooses among the published keys and
// nothing else. A client hears that its token is invalid and never why; the reason is logged.
// When that cannot be found out, because keys or revocations are out of reach, the answer is 503
// and nobody is let in.
package token
