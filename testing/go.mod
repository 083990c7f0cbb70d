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
	github.com/micropay/micropay/auth v0.0.0
	github.com/micropay/micropay/shared v0.0.0
)

require (
	github.com/google/uuid v1.6.0 // indirect
	github.com/stretchr/testify v1.12.1 // indirect
)
