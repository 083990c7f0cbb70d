module github.com/micropay/micropay/testing

go 1.26.0

replace (
	github.com/micropay/micropay/auth => ../auth
	github.com/micropay/micropay/coverage => ../coverage
	github.com/micropay/micropay/micropay => ../micropay
	github.com/micropay/micropay/shared => ../shared
	github.com/micropay/micropay/transaction => ../transaction
)

require (
	github.com/google/uuid v1.6.0
	github.com/jmoiron/sqlx v1.4.0
	github.com/lib/pq v1.12.3
	github.com/micropay/micropay/auth v0.0.0
	github.com/stretchr/testify v1.12.1
)

require go.yaml.in/yaml/v3 v3.0.5 // indirect
