terraform {
  required_providers {
    leasehold = {
      source  = "leasehold/leasehold"
      version = "0.1.0"
    }
  }
}

provider "leasehold" {
  endpoint = "https://leasehold.example.com"
  stack    = "payments"
}
