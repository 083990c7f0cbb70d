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
	github.com/stretchr/testify v1.12.1
	go.uber.org/mock v0.6.0
	golang.org/x/net v0.62.0
	golang.org/x/text v0.43.0
	pgregory.net/rapid v1.3.0
)

require (
	github.com/alexedwards/argon2id v1.0.0 // indirect
	github.com/golang-jwt/jwt/v5 v5.3.1 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/gorilla/mux v1.8.1 // indirect
	github.com/jmoiron/sqlx v1.4.0 // indirect
	github.com/lib/pq v1.12.3 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

require (
	github.com/micropay/micropay/shared v0.0.0
	github.com/micropay/micropay/testing v0.0.0
	go.yaml.in/yaml/v3 v3.0.5 // indirect
)
