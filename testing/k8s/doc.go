// Package k8s holds what is deployed to Kubernetes against rules: that it is written in fields the
// API knows, that pods may do no more than they must, that a roll-out drops no request, and that
// nothing gets in but by the one way there is.
//
// Start at Rules. Command k8s-check renders the overlays and prints what each rule says.
package k8s
