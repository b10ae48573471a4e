"""ACR's own API beside `/v2/`, for clients written for Azure Container Registry.

Sources: the data-plane REST API "Azure Container Registry" 2021-07-01; recordings of the real service in the tests of
Microsoft's SDKs; "AAD-OAuth.md" of Azure/acr for the exchange of tokens.
"""
