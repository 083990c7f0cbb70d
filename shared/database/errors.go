package database

// IsUnavailable says that the database could not do its work now: asked again later, the same
// may succeed.
func IsUnavailable(error) bool { return false }
