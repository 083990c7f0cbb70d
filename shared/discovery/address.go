package discovery

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The sources that an address may name.
const (
	schemeStatic   = "static" // http:// and https://
	schemeDNS      = "dns"
	schemeSRV      = "dns+srv"
	schemeCloudMap = "cloudmap"
)

// Address says where a service is, or where to ask for that. Make one with Parse.
type Address struct {
	scheme, service, base string
	one                   bool // a single host, of which nothing can be chosen
}

// Scheme is the source: static, dns, dns+srv or cloudmap.
func (a Address) Scheme() string { return a.scheme }

// Service is the service's name as the source's Resolver takes it.
func (a Address) Service() string { return a.service }

// Base is what requests to the service begin with, without a slash at its end.
func (a Address) Base() string { return a.base }

// Parse reads an address, which has one of these forms:
//
//	http://host[:port][/path]                one host; https:// too
//	http://host:port,http://host:port        a list of instances, all http or all https
//	dns://name:port                          the A and AAAA records of name: a headless service
//	dns+srv://_service._tcp.name             the SRV records, which name the ports
//	cloudmap://namespace/service[?port=8001] AWS Cloud Map; the port if an instance has none registered
//
// The sources other than lists are spoken to by plain HTTP: their instances have changing
// addresses, which no certificate names. Errors: what is wrong, in one line without the address,
// which may hold a secret by mistake.
func Parse(address string) (Address, error) {
	if strings.Contains(address, ",") {
		return parseList(address)
	}
	u, err := url.Parse(address)
	if err != nil || u.User != nil || u.Fragment != "" || u.Opaque != "" {
		return Address{}, errForms
	}
	switch u.Scheme {
	case "http", "https":
		host, err := hostOf(u)
		if err != nil {
			return Address{}, err
		}
		u.Path = strings.TrimRight(u.Path, "/")
		return Address{scheme: schemeStatic, service: host.String(), base: u.String(), one: true}, nil
	case schemeDNS:
		port, err := strconv.Atoi(u.Port())
		if err != nil || !isPort(port) || !isName(u.Hostname()) || u.Path != "" || u.RawQuery != "" {
			return Address{}, errors.New("must be dns://name:port")
		}
		return Address{scheme: schemeDNS, service: u.Host, base: "http://" + u.Host}, nil
	case schemeSRV:
		name, err := nameOfSRV(u.Host)
		if err != nil || u.Path != "" || u.RawQuery != "" {
			return Address{}, errors.New("must be dns+srv://_service._tcp.name")
		}
		return Address{scheme: schemeSRV, service: u.Host, base: "http://" + name}, nil
	case schemeCloudMap:
		service := strings.TrimPrefix(address, schemeCloudMap+"://")
		namespace, name, _, err := splitCloudMap(service)
		if err != nil {
			return Address{}, err
		}
		return Address{scheme: schemeCloudMap, service: service, base: "http://" + name + "." + namespace}, nil
	}
	return Address{}, errForms
}

var errForms = errors.New("must be http(s)://host, a list of them separated by commas, dns://name:port, " +
	"dns+srv://_service._tcp.name or cloudmap://namespace/service")

func parseList(addresses string) (Address, error) {
	list := Address{scheme: schemeStatic}
	var hosts []string
	var scheme string
	for raw := range strings.SplitSeq(addresses, ",") {
		u, err := url.Parse(strings.TrimSpace(raw))
		if err != nil || u.User != nil || u.Fragment != "" || u.Scheme != "http" && u.Scheme != "https" {
			return Address{}, errForms
		}
		host, err := hostOf(u)
		switch {
		case err != nil:
			return Address{}, err
		case strings.Trim(u.Path, "/") != "":
			return Address{}, errors.New("in a list, no address has a path")
		case scheme != "" && scheme != u.Scheme:
			return Address{}, errors.New("in a list, all are http or all are https")
		case slices.Contains(hosts, host.String()):
			return Address{}, errors.New("in a list, each is there once")
		}
		if scheme == "" {
			scheme, list.base = u.Scheme, u.Scheme+"://"+u.Host
		}
		hosts = append(hosts, host.String())
	}
	list.service = strings.Join(hosts, ",")
	return list, nil
}

// hostOf is where a web address leads.
func hostOf(u *url.URL) (Instance, error) {
	port := map[string]int{"http": 80, "https": 443}[u.Scheme]
	if u.Port() != "" {
		port, _ = strconv.Atoi(u.Port()) // 0 is none
	}
	_, err := netip.ParseAddr(u.Hostname())
	if err != nil && !isName(u.Hostname()) || !isPort(port) || u.RawQuery != "" || u.ForceQuery {
		return Instance{}, fmt.Errorf("must be %s://host[:port][/path]", u.Scheme)
	}
	return Instance{u.Hostname(), port}, nil
}

// parseInstance reads what Instance.String writes.
func parseInstance(s string) (Instance, error) {
	host, digits, err := net.SplitHostPort(s)
	if err != nil {
		return Instance{}, err
	}
	port, err := strconv.Atoi(digits)
	if err != nil || !isPort(port) || host == "" {
		return Instance{}, fmt.Errorf("%q is no host:port", s)
	}
	return Instance{host, port}, nil
}

func isPort(n int) bool { return n > 0 && n < 1<<16 }

// names are those of hosts, and with underscores those of services.
var names = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?$`)

func isName(s string) bool { return len(s) < 255 && names.MatchString(s) }

// nameOfSRV is the name in _service._tcp.name.
func nameOfSRV(s string) (string, error) {
	parts := strings.SplitN(s, ".", 3)
	if len(parts) < 3 || !strings.HasPrefix(parts[0], "_") || parts[1] != "_tcp" || !isName(s) {
		return "", errors.New("is no _service._tcp.name")
	}
	return parts[2], nil
}

// splitCloudMap parts namespace/service?port=8001; the port is 0 if there is none.
func splitCloudMap(s string) (namespace, service string, port int, err error) {
	u, err := url.Parse(schemeCloudMap + "://" + s)
	if err != nil {
		return "", "", 0, errCloudMap
	}
	query := u.Query()
	if given, ok := query["port"]; ok {
		if port, err = strconv.Atoi(given[0]); err != nil || len(given) != 1 || !isPort(port) {
			return "", "", 0, errCloudMap
		}
		query.Del("port")
	}
	namespace, service = u.Host, strings.TrimPrefix(u.Path, "/")
	if !isName(namespace) || !isName(service) || len(query) > 0 {
		return "", "", 0, errCloudMap
	}
	return namespace, service, port, nil
}

var errCloudMap = errors.New("must be cloudmap://namespace/service[?port=number]")
