module github.com/micropay/micropay/transaction

go 1.26.0

replace (
	github.com/micropay/micropay/auth => ../auth
	github.com/micropay/micropay/coverage => ../coverage
	github.com/micropay/micropay/micropay => ../micropay
	github.com/micropay/micropay/shared => ../shared
	github.com/micropay/micropay/testing => ../testing
)

require (
	github.com/micropay/micropay/shared v0.0.0
	github.com/stretchr/testify v1.12.1
	go.uber.org/mock v0.6.0
)

require go.yaml.in/yaml/v3 v3.0.5 // indirect
