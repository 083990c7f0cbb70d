package k8s

import (
	"net/url"
	"slices"
	"strconv"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
)

// program is the label that tells whose pod one is.
const program = "app.kubernetes.io/name"

// peerAddress is the variable by which each service knows the other: events travel that way too,
// where no topic carries them.
var peerAddress = map[string]string{"auth": "TRANSACTION_URL", "transaction": "AUTH_URL"}

// peers: what one service tells the other needs an address, a policy that lets it out and one that
// lets it in.
func peers(s *set, broken report) {
	services := of[*apps.Deployment](s)
	for _, one := range services {
		s.checkAddress(one, broken)
		for _, other := range services {
			if one != other && (!s.lets(one, other, true) || !s.lets(other, one, false)) {
				broken(one, "does not reach the internal port of %s", other.Name)
			}
		}
	}
	for _, p := range of[*networking.NetworkPolicy](s) {
		for _, in := range p.Spec.Ingress {
			if opens(in.Ports, internalPort) && slices.ContainsFunc(in.From, func(peer networking.NetworkPolicyPeer) bool {
				return !isPeer(peer, services) && !isPrometheus(peer)
			}) {
				broken(p, "opens the internal port to others than the services and Prometheus")
			}
		}
	}
}

// lets tells whether a policy of pod has a rule, out or in, for the other's pods and its internal port.
func (s *set) lets(pod, other *apps.Deployment, out bool) bool {
	means := func(peer networking.NetworkPolicyPeer) bool {
		return peer.NamespaceSelector == nil && peer.PodSelector != nil && selects(peer.PodSelector, other.Spec.Template.Labels)
	}
	for _, p := range of[*networking.NetworkPolicy](s) {
		if !selects(&p.Spec.PodSelector, pod.Spec.Template.Labels) {
			continue
		}
		for _, r := range p.Spec.Egress {
			if out && opens(r.Ports, internalPort) && slices.ContainsFunc(r.To, means) {
				return true
			}
		}
		for _, r := range p.Spec.Ingress {
			if !out && opens(r.Ports, internalPort) && slices.ContainsFunc(r.From, means) {
				return true
			}
		}
	}
	return false
}

func opens(ports []networking.NetworkPolicyPort, number int) bool {
	return slices.ContainsFunc(ports, func(p networking.NetworkPolicyPort) bool { return p.Port != nil && p.Port.IntValue() == number })
}

// isPeer tells whether a rule means one of the services, by its name, in this namespace.
func isPeer(peer networking.NetworkPolicyPeer, services []*apps.Deployment) bool {
	return peer.NamespaceSelector == nil && peer.PodSelector != nil && slices.ContainsFunc(services, func(d *apps.Deployment) bool {
		return peer.PodSelector.MatchLabels[program] == d.Spec.Template.Labels[program]
	})
}

func isPrometheus(peer networking.NetworkPolicyPeer) bool {
	return peer.NamespaceSelector != nil && peer.NamespaceSelector.MatchLabels[core.LabelMetadataName] == "monitoring" &&
		peer.PodSelector != nil && peer.PodSelector.MatchLabels[program] == "prometheus"
}

// checkAddress wants the other's address to be a Service that there is, at its internal port.
func (s *set) checkAddress(d *apps.Deployment, broken report) {
	name := peerAddress[d.Name]
	address, err := url.Parse(s.environment(d.Spec.Template.Spec.Containers[0])[name])
	if err != nil || address.Port() != strconv.Itoa(internalPort) || !s.hasService(address.Hostname()) {
		broken(d, "%s is not the internal port of a Service", name)
	}
}
