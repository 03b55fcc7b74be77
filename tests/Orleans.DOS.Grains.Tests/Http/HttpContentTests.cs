using System.Net;
using System.Net.Http.Headers;
using System.Text;

namespace Orleans.DOS.Tests.Http;

/// <summary>Content over HTTP: ranges, versions, and files longer than memory should hold.</summary>
public sealed class HttpContentTests
{
    private const string Target = "/v1/machines/main/files/f";
    private const long LargeBytes = 64L * 1024 * 1024;
    private static readonly byte[] Ten = "0123456789"u8.ToArray();

    [Theory]
    [InlineData("bytes=2-4", 206, "234", "bytes 2-4/10")]
    [InlineData("bytes=7-", 206, "789", "bytes 7-9/10")]
    [InlineData("bytes=-3", 206, "789", "bytes 7-9/10")]
    [InlineData("bytes=8-99", 206, "89", "bytes 8-9/10")]
    [InlineData("bytes=-99", 200, "0123456789", null)]
    [InlineData("bytes=0-9", 200, "0123456789", null)]
    [InlineData("bytes=10-", 416, null, "bytes */10")]
    [InlineData("bytes=-0", 416, null, "bytes */10")]
    [InlineData("bytes=4-2", 200, "0123456789", null)]
    [InlineData("bytes=0-1,4-5", 200, "0123456789", null)]
    [InlineData("lines=0-1", 200, "0123456789", null)]
    [InlineData("nonsense", 200, "0123456789", null)]
    public async Task Range_IsServedOrPassedOver(string range, int status, string? content, string? contentRange)
    {
        await using var door = await TenBytesAsync();
        using var http = door.Raw();
        using var request = new HttpRequestMessage(HttpMethod.Get, Target);
        request.Headers.TryAddWithoutValidation("Range", range);
        using var response = await http.SendAsync(request);
        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal(contentRange, response.Content.Headers.ContentRange?.ToString());
        var body = await response.Content.ReadAsStringAsync();
        if (status == 416)
        {
            Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
            Assert.Contains("\"status\":416", body, StringComparison.Ordinal);
            return;
        }
        Assert.Equal(content, body);
    }

    [Fact]
    public async Task Range_OfAnotherVersion_GetsTheWhole()
    {
        await using var door = await TenBytesAsync();
        using var http = door.Raw();
        using var request = new HttpRequestMessage(HttpMethod.Get, Target) { Headers = { Range = new RangeHeaderValue(0, 1) } };
        request.Headers.TryAddWithoutValidation("If-Range", "\"other\"");
        using var response = await http.SendAsync(request);
        Assert.Equal((HttpStatusCode.OK, 10), (response.StatusCode, (await response.Content.ReadAsByteArrayAsync()).Length));
    }

    [Fact]
    public async Task SameVersion_IsNotSentAgain_AndANewOneIs()
    {
        await using var door = await TenBytesAsync();
        using var http = door.Raw();
        using var first = await http.GetAsync(Target);
        var tag = first.Headers.ETag!;
        Assert.Equal(HttpStatusCode.NotModified, await StatusIfNoneMatchAsync(http, tag));
        await door.Machines.FileTree.PutSmallAsync("/f", "other"u8.ToArray());
        Assert.Equal(HttpStatusCode.OK, await StatusIfNoneMatchAsync(http, tag));
    }

    /// <summary>Size, version and bytes are of one moment, also of a file that others replace between the looks at them.</summary>
    [Fact]
    public async Task Get_OfASmallFileThatIsReplacedMeanwhile_IsWhollyOneContent()
    {
        await using var door = await TenBytesAsync();
        using var http = door.Raw();
        var replacements = 3;
        door.Machines.FileTree.Reading = () =>
        {
            if (replacements-- > 0)
            {
                door.Machines.FileTree.PutSmallAsync("/f", Encoding.ASCII.GetBytes("a longer content of replacement " + replacements)).GetAwaiter().GetResult();
            }
        };
        using var get = await http.GetAsync(Target);
        Assert.Equal((HttpStatusCode.OK, "a longer content of replacement 0"), (get.StatusCode, await get.Content.ReadAsStringAsync()));
        using var again = await http.GetAsync(Target);
        Assert.Equal(get.Headers.ETag, again.Headers.ETag);
    }

    /// <summary>Nothing is promised of a file that changes at every look, but that it is said.</summary>
    [Fact]
    public async Task Get_OfASmallFileThatIsNeverTheSame_IsRefused()
    {
        await using var door = await TenBytesAsync();
        using var http = door.Raw();
        var replacements = 0;
        door.Machines.FileTree.Reading = () => door.Machines.FileTree.PutSmallAsync("/f", new byte[1 + replacements++ % 50]).GetAwaiter().GetResult();
        using var get = await http.GetAsync(Target);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, get.StatusCode);
    }

    [Fact]
    public async Task Head_TellsSizeAndVersion_AndSendsNothing()
    {
        await using var door = await TenBytesAsync();
        using var http = door.Raw();
        using var get = await http.GetAsync(Target);
        using var head = await http.SendAsync(new HttpRequestMessage(HttpMethod.Head, Target));
        Assert.Equal(10, head.Content.Headers.ContentLength);
        Assert.Equal(get.Headers.ETag, head.Headers.ETag);
        Assert.Equal("bytes", head.Headers.AcceptRanges.Single());
        Assert.Empty(await head.Content.ReadAsByteArrayAsync());
        using var missing = await http.SendAsync(new HttpRequestMessage(HttpMethod.Head, Target + "-none"));
        Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);
    }

    [Fact]
    public async Task Put_Large_ArrivesWhole_InTheMemoryOfItsWindow()
    {
        await using var door = await HttpDouble.StartAsync();
        door.Machines.FileTree.AddHole("/f", 0);
        using var http = door.Raw();
        var before = MemoryNow();
        using var response = await http.PutAsync(Target, new StreamContent(new Zeros(LargeBytes), Limits.FramePayloadBytesMax));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(LargeBytes, door.Machines.FileTree.BytesWritten);
        Assert.InRange(door.Machines.FileTree.WritesAtOnceMax, 1, Limits.FramesInFlightMax);
        AssertSmall(before);
    }

    [Fact]
    public async Task Get_Large_ComesWhole_InTheMemoryOfItsWindow()
    {
        await using var door = await HttpDouble.StartAsync();
        door.Machines.FileTree.AddHole("/f", LargeBytes);
        using var http = door.Raw();
        var before = MemoryNow();
        using var response = await http.GetAsync(Target, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(LargeBytes, response.Content.Headers.ContentLength);
        await using var stream = await response.Content.ReadAsStreamAsync();
        var buffer = new byte[64 * 1024];
        long total = 0;
        while (await stream.ReadAsync(buffer) is > 0 and var count)
        {
            total += count;
        }
        Assert.Equal(LargeBytes, total);
        AssertSmall(before);
    }

    [Fact]
    public async Task Put_ThatFailsInTheMiddle_IsAProblem()
    {
        await using var door = await HttpDouble.StartAsync();
        door.Machines.FileTree.Writing = () => throw new DosException(DosErrorCode.NoSpace, "the disk is full");
        using var http = door.Raw();
        using var response = await http.PutAsync(Target, new ByteArrayContent(new byte[1024 * 1024]));
        Assert.Equal(507, (int)response.StatusCode);
        Assert.Contains("NoSpace", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    /// <summary>"now" stands for the version that is there.</summary>
    [Theory]
    [InlineData("/f", "Content-Range", "bytes 0-2/10", 400)]
    [InlineData("/f", "Content-Range", "nonsense", 400)]
    [InlineData("/f", "If-None-Match", "*", 412)]
    [InlineData("/f", "If-None-Match", "now", 412)]
    [InlineData("/f", "If-None-Match", "\"other\"", 200)]
    [InlineData("/f", "If-Match", "\"other\"", 412)]
    [InlineData("/f", "If-Match", "other", 400)]
    [InlineData("/f", "If-Match", "now", 200)]
    [InlineData("/f", "If-Match", "*", 200)]
    [InlineData("/g", "If-None-Match", "*", 200)]
    [InlineData("/g", "If-Match", "*", 412)]
    [InlineData("/g", "If-Match", "now", 412)]
    public async Task Put_IsDone_OnlyIfItsConditionHolds(string path, string header, string value, int status)
    {
        await using var door = await TenBytesAsync();
        using var http = door.Raw();
        using var first = await http.GetAsync(Target);
        foreach (var length in (int[])[3, Limits.InlineBytesMax + 1])
        {
            using var now = await http.GetAsync(Target);
            var content = new ByteArrayContent(new byte[length]);
            using var request = new HttpRequestMessage(HttpMethod.Put, "/v1/machines/main/files" + path) { Content = content };
            (header == "Content-Range" ? (HttpHeaders)content.Headers : request.Headers).TryAddWithoutValidation(header, value == "now" ? now.Headers.ETag!.ToString() : value);
            using var response = await http.SendAsync(request);
            Assert.Equal(status, (int)response.StatusCode);
            if (status != 200)
            {
                Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
                Assert.Equal("0123456789", await http.GetStringAsync(Target));
                Assert.Equal(path == "/f", await ExistsAsync(http, path));
            }
            else if (path == "/g")
            {
                await door.Machines.FileTree.RemoveAsync(path);
            }
        }
    }

    private static async Task<bool> ExistsAsync(HttpClient http, string path)
    {
        using var head = await http.SendAsync(new HttpRequestMessage(HttpMethod.Head, "/v1/machines/main/files" + path));
        return head.IsSuccessStatusCode;
    }

    private static async Task<HttpDouble> TenBytesAsync()
    {
        var door = await HttpDouble.StartAsync();
        await door.Machines.FileTree.PutSmallAsync("/f", Ten);
        return door;
    }

    private static async Task<HttpStatusCode> StatusIfNoneMatchAsync(HttpClient http, EntityTagHeaderValue tag)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, Target) { Headers = { IfNoneMatch = { tag } } };
        using var response = await http.SendAsync(request);
        return response.StatusCode;
    }

    private static long MemoryNow() => GC.GetTotalMemory(forceFullCollection: true);

    // What lives after it; other tests run at the same time, so the bound is half of the file and not the window.
    private static void AssertSmall(long before) => Assert.InRange(MemoryNow() - before, long.MinValue, LargeBytes / 2);

    private sealed class Zeros(long length) : Stream
    {
        private long _position;

        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => _position; set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count)
        {
            var read = (int)Math.Min(count, length - _position);
            Array.Clear(buffer, offset, read);
            _position += read;
            return read;
        }

        public override void Flush() { }
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
