package k8s

import (
	"net/netip"
	"slices"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
)

// The ports of both services.
const (
	publicPort   = 8000
	internalPort = 8001
	postgresPort = 5432
)

// routed are the only paths that lead in.
var routed = map[string]networking.PathType{
	"/auth": networking.PathTypePrefix, "/transaction": networking.PathTypePrefix, "/.well-known": networking.PathTypePrefix,
	"/livez": networking.PathTypeExact, "/readyz": networking.PathTypeExact,
}

// networkRules: there is one way in, and no other.
var networkRules = []Rule{
	{"deny first", "a NetworkPolicy forbids everything, in and out, that no other allows", func(s *set, broken report) {
		for _, p := range of[*networking.NetworkPolicy](s) {
			all := len(p.Spec.PodSelector.MatchLabels)+len(p.Spec.PodSelector.MatchExpressions) == 0
			if all && len(p.Spec.Ingress)+len(p.Spec.Egress) == 0 && len(p.Spec.PolicyTypes) == 2 {
				return
			}
		}
		broken(nil, "no policy denies all")
	}},
	{"internal port", "internal ports, /metrics and PostgreSQL are open to named pods only", internalPorts},
	{"peers", "each service knows the other's internal port and reaches it, as nobody else but Prometheus does", peers},
	{"ways out", "who may call out says whom and on which port, and never the node's own metadata", waysOut},
	{"way in", "the Ingress routes to public ports only, and only what clients call", wayIn},
	{"services", "Services have no address outside the cluster, the public port is 8000 and the internal one 8001", clusterIPs},
}

// internalPorts looks at who may call what is not the public port.
func internalPorts(s *set, broken report) {
	for _, p := range of[*networking.NetworkPolicy](s) {
		if len(p.Spec.Ingress) > 0 && len(p.Spec.PodSelector.MatchLabels)+len(p.Spec.PodSelector.MatchExpressions) == 0 {
			broken(p, "opens every pod")
		}
		for _, in := range p.Spec.Ingress {
			if len(in.Ports) == 0 {
				broken(p, "opens every port")
			}
			for _, port := range in.Ports {
				if port.EndPort != nil || port.Port == nil || port.Port.Type != intstr.Int {
					broken(p, "opens ports that it does not name one by one")
				}
			}
			private := slices.ContainsFunc(in.Ports, func(port networking.NetworkPolicyPort) bool {
				return port.Port == nil || port.Port.IntValue() != publicPort
			})
			if private && (len(in.From) == 0 || slices.ContainsFunc(in.From, anybody)) {
				broken(p, "opens an internal port to more than named pods")
			}
		}
	}
}

// anybody tells whether a peer is more than pods known by a label.
func anybody(peer networking.NetworkPolicyPeer) bool {
	return peer.IPBlock != nil || peer.PodSelector == nil || len(peer.PodSelector.MatchLabels) == 0
}

// metadata is where a cloud's machine tells its own credentials, but for the agent of Pod Identity.
var metadata = netip.MustParseAddr("169.254.169.254")

func waysOut(s *set, broken report) {
	for _, p := range of[*networking.NetworkPolicy](s) {
		for _, out := range p.Spec.Egress {
			if len(out.Ports) == 0 || len(out.To) == 0 {
				broken(p, "does not say whom, or on which port")
			}
			for _, peer := range out.To {
				if peer.IPBlock != nil && holds(peer.IPBlock.CIDR, metadata) &&
					!slices.ContainsFunc(peer.IPBlock.Except, func(cidr string) bool { return holds(cidr, metadata) }) {
					broken(p, "lets pods ask the node's metadata")
				}
			}
		}
	}
}

func holds(cidr string, a netip.Addr) bool {
	p, err := netip.ParsePrefix(cidr)
	return err == nil && p.Contains(a)
}

func wayIn(s *set, broken report) {
	ingresses := of[*networking.Ingress](s)
	if len(ingresses) != 1 {
		broken(nil, "%d Ingresses", len(ingresses))
	}
	for _, i := range ingresses {
		if i.Spec.DefaultBackend != nil {
			broken(i, "routes what nobody listed")
		}
		for _, rule := range i.Spec.Rules {
			for _, path := range rule.HTTP.Paths {
				if how, listed := routed[path.Path]; !listed || ptr.Deref(path.PathType, "") != how {
					broken(i, "routes %s", path.Path)
				}
				if b := path.Backend.Service; b == nil || b.Port.Name != "http" || !s.hasService(b.Name) {
					broken(i, "%s leads to something else than a public port", path.Path)
				}
			}
		}
	}
}

func (s *set) hasService(name string) bool {
	return slices.ContainsFunc(of[*core.Service](s), func(v *core.Service) bool { return v.Name == name })
}

func clusterIPs(s *set, broken report) {
	for _, v := range of[*core.Service](s) {
		if v.Spec.Type != core.ServiceTypeClusterIP || len(v.Spec.ExternalIPs) > 0 {
			broken(v, "has an address outside the cluster")
		}
		for _, p := range v.Spec.Ports {
			if want := map[string]int32{"http": publicPort, "internal": internalPort, "postgres": postgresPort}[p.Name]; want != p.Port {
				broken(v, "port %d is called %q", p.Port, p.Name)
			}
		}
	}
}
