// Package unitext is ports.Text by the Unicode tables of golang.org/x: NFKC for passwords, and
// UTS 46 (non-transitional, as browsers do it) for domain names.
package unitext

import (
	"errors"
	"fmt"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// Text is Unicode as of the tables compiled in.
type Text struct{}

var hostNames = idna.New(
	idna.MapForLookup(), idna.BidiRule(), idna.CheckJoiners(true), idna.StrictDomainName(true),
	idna.Transitional(false), idna.VerifyDNSLength(true))

// NFKC is the compatibility composed form of s.
func (Text) NFKC(s string) string { return norm.NFKC.String(s) }

// HostName is the ASCII form of a domain name. Case, full-width letters and composed or
// decomposed accents are one name; letters of different scripts that look alike are not.
// A name whose form is not stable (bytes that are no text turn into one) has none.
func (Text) HostName(s string) (string, error) {
	ascii, err := hostNames.ToASCII(s)
	if err != nil {
		return "", err
	}
	if again, err := hostNames.ToASCII(ascii); err != nil || again != ascii {
		return "", fmt.Errorf("host name has no stable form: %w", errors.Join(err, errUnstable))
	}
	return ascii, nil
}

var errUnstable = errors.New("not idempotent")
