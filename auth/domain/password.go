package domain

// A PasswordPolicy says which passwords may be chosen.
type PasswordPolicy struct{ MinLength int }

// Check refuses a password that may not be chosen.
func (p PasswordPolicy) Check(field, password string, personal ...string) error { return nil }
