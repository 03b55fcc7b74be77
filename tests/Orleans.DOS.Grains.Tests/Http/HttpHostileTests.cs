using System.Net;
using System.Text;

namespace Orleans.DOS.Tests.Http;

/// <summary>Whatever comes in, the answer is a refusal that says why: no status 500, no trace, no file but the one that was named.</summary>
public sealed class HttpHostileTests
{
    private const string Files = "/v1/machines/main/files";

    [Theory]
    [InlineData("GET", Files + "/a%00b", 400)]
    [InlineData("GET", Files + "/a%2Fb", 400)]
    [InlineData("GET", Files + "/%ff%fe", 400)]
    [InlineData("GET", Files + "/%c0%af", 400)]
    [InlineData("GET", Files + "/%ed%a0%80", 400)]
    [InlineData("GET", Files + "/%", 400)]
    [InlineData("GET", Files + "/%zz", 400)]
    [InlineData("GET", Files + "/a%2", 400)]
    [InlineData("GET", Files + "/%2e%2e/%2e%2e/etc/passwd", 404)]
    [InlineData("GET", Files + "/../../../etc/passwd", 404)]
    [InlineData("GET", Files + "/..%2f..%2fetc", 400)]
    [InlineData("GET", Files + "/a?position=-1&stat=maybe", 400)]
    [InlineData("GET", Files + "/?list&limit=0", 400)]
    [InlineData("GET", Files + "/?list&limit=99999999999999999999", 400)]
    [InlineData("GET", "/v1/machines/main/inodes/-1?position=0", 400)]
    [InlineData("GET", "/v1/machines/main/inodes/1%00?position=0", 400)]
    [InlineData("GET", "/v1/machines/main/inodes/99999999999999999999?position=0", 400)]
    [InlineData("GET", "/v1/machines/main/processes/abc", 400)]
    [InlineData("GET", "/v1/machines/other/processes", 404)]
    [InlineData("GET", "/v1/machines/%00/processes", 400)]
    [InlineData("GET", "/v1/machines/%ff/files/a", 404)]
    [InlineData("GET", "/v1/nodes/%00", 400)]
    [InlineData("GET", "/v1/nodes/..%2f..", 404)]
    [InlineData("GET", "/v1/no/such/route", 404)]
    [InlineData("POST", Files + "/a", 400)]
    [InlineData("PUT", Files + "/a?link=/b%00c", 400)]
    [InlineData("PUT", Files + "/a?link=/" + "%ff", 404)]
    [InlineData("PUT", Files + "/a?mode=999", 400)]
    [InlineData("PUT", Files + "/a?replicas=99", 400)]
    [InlineData("POST", "/v1/machines/main/processes", 400)]
    [InlineData("POST", "/v1/machines/main/processes/1/signal?signal=NONE", 400)]
    [InlineData("BREW", "/v1/nodes", 404)]
    [InlineData("GET", "/V1/machines/main/files/a", 404)]
    [InlineData("GET", "/v1/machines/main/Files/a", 404)]
    [InlineData("GET", "/v1/machines/main/%66iles/a", 404)]
    [InlineData("GET", "/v1/./machines/main/files/a", 404)]
    [InlineData("GET", "/v1/machines/main/x/../files/a", 404)]
    [InlineData("PUT", "/v1/machines/main//files/a", 404)]
    [InlineData("GET", "//v1/machines/main/files/a", 404)]
    [InlineData("GET", "/nothing", 404)]
    [InlineData("POST", "/openapi/v1.json", 405)]
    public async Task Target_ThatIsBad_IsRefusedWithAReason(string method, string target, int status)
    {
        await using var door = await HttpDouble.StartAsync();
        var answer = await RawRequest.SendAsync(door.Url, $"{method} {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {DoubleVerifier.Token}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        AssertRefused(answer, status);
        // What Kestrel refuses by itself never reaches us.
        Assert.True(answer.Text.Contains("application/problem+json", StringComparison.Ordinal) || target.Contains("%00", StringComparison.Ordinal), answer.Text);
    }

    [Theory]
    [InlineData("{\"program\":null,\"inputs\":[\"/\"]}")]
    [InlineData("{\"program\":\"grep\"}")]
    [InlineData("{\"program\":\"grep\",\"inputs\":[]}")]
    [InlineData("{\"program\":\"grep\",\"inputs\":[null]}")]
    [InlineData("{\"program\":\"grep\",\"inputs\":[\"/\"],\"parameters\":{\"pattern\":null}}")]
    [InlineData("{\"program\":\"grep\",\"inputs\":[\"/\"],\"split\":99}")]
    public async Task Json_ThatIsNotAJob_IsRefused(string body)
    {
        await using var door = await HttpDouble.StartAsync();
        using var http = door.Raw();
        using var response = await http.PostAsync("/v1/machines/main/jobs", new StringContent(body, Encoding.UTF8, "application/json"));
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains("InvalidArgument", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GET /v1/nodes HTTP/1.1\r\nHost: x\r\nRequest-Id: nonsense\r\n")]
    [InlineData("GET /v1/nodes\0 HTTP/1.1\r\nHost: x\r\n")]
    [InlineData("GET /v1/machines/main/files/\u00ff HTTP/1.1\r\nHost: x\r\n")]
    [InlineData("GET v1/nodes HTTP/1.1\r\nHost: x\r\n")]
    [InlineData("\u0000\u0001\u0002\u0003\r\n")]
    [InlineData("PUT /v1/machines/main/files/a HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n")]
    [InlineData("PUT /v1/machines/main/files/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n", "zz\r\nhello\r\n0\r\n\r\n")]
    [InlineData("PUT /v1/machines/main/files/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n", "zz\r\nhello\r\n0\r\n\r\n")]
    public async Task Request_ThatIsMalformed_IsRefused(string head, string body = "")
    {
        await using var door = await HttpDouble.StartAsync();
        AssertRefused(await RawRequest.SendAsync(door.Url, $"{head}Authorization: Bearer {DoubleVerifier.Token}\r\nConnection: close\r\n\r\n{body}"));
    }

    [Theory]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("{}")]
    [InlineData("{\"program\":null}")]
    [InlineData("{\"program\":1}")]
    [InlineData("{\"program\":\"echo\",\"arguments\":[null]}")]
    [InlineData("{\"program\":\"echo\",\"restart\":99}")]
    [InlineData("{\"program\":\"echo\",\"environment\":{\"a\":null}}")]
    [InlineData("{\"program\":\"\\ud800\"}")]
    public async Task Json_ThatIsNotASpec_IsRefused(string body)
    {
        await using var door = await HttpDouble.StartAsync();
        using var http = door.Raw();
        using var response = await http.PostAsync("/v1/machines/main/processes", new StringContent(body, Encoding.UTF8, "application/json"));
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal(0, door.Machines.ProcessTable.Spawned);
    }

    [Theory]
    [InlineData("application/x-www-form-urlencoded")]
    [InlineData("text/plain")]
    [InlineData(null)]
    public async Task Json_OfAnotherMediaType_IsReadAllTheSame(string? type)
    {
        await using var door = await HttpDouble.StartAsync();
        using var http = door.Raw();
        var content = new ByteArrayContent("{\"program\":\"echo\"}"u8.ToArray());
        content.Headers.ContentType = type is null ? null : new(type);
        using var response = await http.PostAsync("/v1/machines/main/processes", content);
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
    }

    [Fact]
    public async Task Json_NestedDeeply_IsRefused()
    {
        await using var door = await HttpDouble.StartAsync();
        using var http = door.Raw();
        using var response = await http.PostAsync("/v1/machines/main/processes", new StringContent("{\"labels\":" + new string('[', 100_000)));
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
    }

    [Fact]
    public async Task Headers_ThatAreHuge_AreRefused()
    {
        await using var door = await HttpDouble.StartAsync();
        AssertRefused(await RawRequest.SendAsync(door.Url, $"GET /v1/nodes HTTP/1.1\r\nHost: x\r\nX-Long: {new string('a', 200_000)}\r\n\r\n"), 431);
        AssertRefused(await RawRequest.SendAsync(door.Url, $"GET {Files}/{new string('a', 100_000)} HTTP/1.1\r\nHost: x\r\n\r\n"), 414);
    }

    [Fact]
    public async Task Names_ThatAreTooLong_AreRefused()
    {
        await using var door = await HttpDouble.StartAsync();
        using var http = door.Raw();
        using var name = await http.GetAsync(Files + "/" + new string('a', Limits.NameBytesMax + 1));
        Assert.Equal(HttpStatusCode.BadRequest, name.StatusCode);
        Assert.Contains("NameTooLong", await name.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        using var path = await http.GetAsync(Files + string.Concat(Enumerable.Repeat("/aaaa", Limits.PathBytesMax / 5 + 1)));
        Assert.Contains("PathTooLong", await path.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("POST", "/v1/machines/main/processes", Limits.RequestBodyBytesMax)]
    [InlineData("POST", "/v1/machines/main/jobs", Limits.RequestBodyBytesMax)]
    [InlineData("PUT", "/v1/machines/main/inodes/1?position=0", Limits.FramePayloadBytesMax)]
    [InlineData("POST", "/v1/machines/main/inodes/1/append", Limits.FramePayloadBytesMax)]
    [InlineData("PUT", "/v1/machines/main/processes/1/stdin?position=0", Limits.StandardInputBufferBytesMax)]
    public async Task Body_LongerThanItsBound_IsRefused(string method, string target, int bytesMax)
    {
        await using var door = await HttpDouble.StartAsync();
        using var http = door.Raw();
        foreach (var chunked in new[] { false, true })
        {
            using var request = new HttpRequestMessage(new HttpMethod(method), target) { Content = new ByteArrayContent(new byte[bytesMax + 1]) };
            request.Headers.TransferEncodingChunked = chunked;
            using var response = await http.SendAsync(request);
            Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
        }
    }

    private static void AssertRefused(RawRequest.Answer answer, int? status = null)
    {
        Assert.True(status is { } exact ? answer.Status == exact : answer.Status is 0 or >= 400 and < 500, answer.Text);
        Assert.DoesNotContain("   at ", answer.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", answer.Text, StringComparison.Ordinal);
    }
}
