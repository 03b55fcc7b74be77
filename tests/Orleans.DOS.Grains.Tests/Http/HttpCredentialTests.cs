using System.Net;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Routing;
using Orleans.DOS.Security;

namespace Orleans.DOS.Tests.Http;

/// <summary>No route answers without a credential: asked of the routes themselves, so that a new one cannot be forgotten.</summary>
public sealed partial class HttpCredentialTests
{
    private const string OpenApiRoute = "/openapi/{documentName}.json";

    [GeneratedRegex(@"\{[^}]*\}")]
    private static partial Regex Parameter();

    public static TheoryData<string> BadHeaders() =>
    [
        "", "Bearer", "Bearer ", "Bearer  ", "Bearer wrong", "bearer dos1.wrong", "Basic ZG9zMS5nb29k", DoubleVerifier.Token, "Bearer " + DoubleVerifier.Token + " x",
        "Bearer \"" + DoubleVerifier.Token + "\"", "Bearer " + new string('a', Credentials.TokenLengthMax + 1),
    ];

    [Theory, InlineData(null), MemberData(nameof(BadHeaders))]
    public async Task EveryRoute_WithoutAGoodToken_IsRefused(string? header)
    {
        await using var door = await HttpDouble.StartAsync();
        using var http = door.Raw(token: null);
        var asked = 0;
        foreach (var endpoint in door.Endpoints.Where(static endpoint => Pattern(endpoint) != OpenApiRoute))
        {
            var target = Parameter().Replace(Pattern(endpoint), "1");
            foreach (var method in endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods ?? ["GET", "PATCH"])
            {
                using var request = new HttpRequestMessage(new HttpMethod(method), target);
                if (header is not null)
                {
                    request.Headers.TryAddWithoutValidation("Authorization", header);
                }
                using var response = await http.SendAsync(request);
                Assert.True(response.StatusCode == HttpStatusCode.Unauthorized, $"{method} {target} answered {(int)response.StatusCode}");
                Assert.Equal("Bearer", response.Headers.WwwAuthenticate.Single().Scheme);
                asked++;
            }
        }
        Assert.True(asked > 30, $"only {asked} routes were found");
        Assert.Empty(door.Machines.Requests);
    }

    [Fact]
    public async Task TwoTokens_AreNone()
    {
        await using var door = await HttpDouble.StartAsync();
        var answer = await RawRequest.SendAsync(door.Url, "GET /v1/nodes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer dos1.good\r\nAuthorization: Bearer dos1.good\r\nConnection: close\r\n\r\n");
        Assert.Equal(401, answer.Status);
    }

    [Fact]
    public async Task GoodToken_OpensTheMachineAsItsCaller()
    {
        await using var door = await HttpDouble.StartAsync();
        using var client = door.Client();
        Assert.NotEmpty(await client.Nodes.ListAsync());
        Assert.Equal(new Caller(Principal.Admin), Assert.Single(door.Machines.Callers));
    }

    private static string Pattern(RouteEndpoint endpoint) => "/" + endpoint.RoutePattern.RawText!.TrimStart('/');
}
