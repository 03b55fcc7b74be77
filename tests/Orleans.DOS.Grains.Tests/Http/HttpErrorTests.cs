using System.Net;
using System.Text.Json;
using Orleans.DOS.Http;
using Orleans.DOS.Machines;

namespace Orleans.DOS.Tests.Http;

/// <summary>A failure keeps its code, its sentence and its time on the way through HTTP.</summary>
public sealed class HttpErrorTests
{
    public static TheoryData<DosErrorCode> Codes() => new(Enum.GetValues<DosErrorCode>());

    [Theory, MemberData(nameof(Codes))]
    public async Task Failure_ComesBackAsTheSameException(DosErrorCode code)
    {
        await using var door = await HttpDouble.StartAsync();
        // Below 6 s and above the budget: what may be tried again must not be, or the test would wait.
        var error = new DosError(code, $"a sentence about '{code}'", TimeSpan.FromSeconds(7));
        door.Machines.Opening = _ => throw error.ToException();
        using var client = door.Client();
        var failure = await Assert.ThrowsAsync<DosException>(() => client.Files.RemoveAsync("/a"));
        // The client does not know either whether what it sent was carried out, and says so in its own words.
        Assert.Equal(code, failure.Code);
        if (code != DosErrorCode.OutcomeUnknown)
        {
            Assert.Equal(error, failure.Error);
        }
    }

    [Theory, MemberData(nameof(Codes))]
    public async Task Failure_IsAProblemWithTheStatusOfTheTable(DosErrorCode code)
    {
        await using var door = await HttpDouble.StartAsync();
        door.Machines.Opening = _ => throw new DosError(code, "a sentence", TimeSpan.FromSeconds(1.5)).ToException();
        using var http = door.Raw();
        using var response = await http.GetAsync("/v1/nodes");
        Assert.Equal(ErrorStatus.Of(code), (int)response.StatusCode);
        Assert.InRange((int)response.StatusCode, 400, 599);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        Assert.Equal(TimeSpan.FromSeconds(2), response.Headers.RetryAfter?.Delta);
        var problem = JsonSerializer.Deserialize(await response.Content.ReadAsByteArrayAsync(), DosJson.Default.Problem)!;
        Assert.Equal((code.ToString(), "a sentence", (int)response.StatusCode), (problem.Code, problem.Detail, problem.Status));
    }

    [Fact]
    public async Task Bug_IsToldWithoutItsTrace()
    {
        await using var door = await HttpDouble.StartAsync();
        door.Machines.Opening = _ => throw new InvalidOperationException("secret detail");
        using var http = door.Raw();
        using var response = await http.GetAsync("/v1/nodes");
        var body = await response.Content.ReadAsStringAsync();
        Assert.Equal(HttpStatusCode.InternalServerError, response.StatusCode);
        Assert.Contains("\"Internal\"", body, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", body, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", body, StringComparison.Ordinal);
    }
}
