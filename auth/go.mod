module github.com/micropay/micropay/auth

go 1.26.0

replace (
	github.com/micropay/micropay/coverage => ../coverage
	github.com/micropay/micropay/micropay => ../micropay
	github.com/micropay/micropay/shared => ../shared
	github.com/micropay/micropay/testing => ../testing
	github.com/micropay/micropay/transaction => ../transaction
)

require (
	github.com/alexedwards/argon2id v1.0.0
	github.com/golang-jwt/jwt/v5 v5.3.1
	github.com/google/uuid v1.6.0
	github.com/jmoiron/sqlx v1.4.0
	github.com/lib/pq v1.12.3
	github.com/stretchr/testify v1.12.1
	go.uber.org/mock v0.6.0
	golang.org/x/net v0.62.0
	golang.org/x/text v0.43.0
	pgregory.net/rapid v1.3.0
)

require (
	github.com/mfridman/interpolate v0.0.2 // indirect
	github.com/pressly/goose/v3 v3.29.0 // indirect
	github.com/sethvargo/go-retry v0.5.0 // indirect
	go.uber.org/multierr v1.11.0 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

require (
	github.com/micropay/micropay/shared v0.0.0
	github.com/micropay/micropay/testing v0.0.0
	go.yaml.in/yaml/v3 v3.0.5 // indirect
)
