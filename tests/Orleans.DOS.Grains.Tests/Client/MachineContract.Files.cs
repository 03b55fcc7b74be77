using Orleans.DOS.Checks;
using Orleans.DOS.Files;

namespace Orleans.DOS.Tests.Client;

public abstract partial class MachineContract
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(Limits.InlineBytesMax)]
    [InlineData(Limits.InlineBytesMax + 1)]
    [InlineData(Limits.FramePayloadBytesMax)]
    [InlineData((3 * Limits.FramePayloadBytesMax) + 17)]
    public async Task WriteAll_OfAnySize_ReadsBackTheSame(int length)
    {
        var content = Noise(length, length);
        await Files.WriteAllBytesAsync(Root + "/a", content, cancellationToken: Stop);
        Assert.Equal(content, await Files.ReadAllBytesAsync(Root + "/a", Stop));
        Assert.Equal(length, (await Files.StatAsync(Root + "/a", cancellationToken: Stop)).Size);
    }

    [Fact]
    public async Task Check_GoesFromStepToStep_ToItsEnd()
    {
        await Files.WriteAllBytesAsync(Root + "/a", Noise(5_000, 1), cancellationToken: Stop);
        var (names, steps, after) = (0L, 0, (string?)null);
        do
        {
            var step = await Files.CheckAsync(new CheckOptions { Deep = true }, after, Stop);
            (names, after) = (names + step.Names, step.Next);
            Assert.DoesNotContain(step.Findings, finding => finding.Kind is FindingKind.Lost or FindingKind.Rotten or FindingKind.Extent or FindingKind.NoName);
        }
        while (after is not null && ++steps < 1000);
        Assert.Null(after);
        Assert.True(names > 0, "nothing was looked at");
        await FailsAsync(DosErrorCode.InvalidArgument, () => Files.CheckAsync(new CheckOptions(), "nowhere", Stop));
    }

    [Fact]
    public async Task WriteAll_OverALongerFile_LeavesNothingOfIt()
    {
        await Files.WriteAllBytesAsync(Root + "/a", Noise(600_000, 1), cancellationToken: Stop);
        await Files.WriteAllBytesAsync(Root + "/a", Noise(5_000, 2), cancellationToken: Stop);
        Assert.Equal(Noise(5_000, 2), await Files.ReadAllBytesAsync(Root + "/a", Stop));
        await Files.WriteAllBytesAsync(Root + "/a", Utf8("short"), cancellationToken: Stop);
        Assert.Equal(Utf8("short"), await Files.ReadAllBytesAsync(Root + "/a", Stop));
    }

    [Fact]
    public async Task Write_BehindTheEnd_ReadsZerosInTheGap()
    {
        await using var file = await Files.OpenAsync(Root + "/gap", new FileOpenOptions { Create = true }, Stop);
        await file.WriteAsync(10_000, Utf8("x"), Stop);
        var read = await file.ReadAsync(0, 20_000, Stop);
        Assert.Equal(10_001, read.Length);
        Assert.True(read.Span[..10_000].IndexOfAnyExcept((byte)0) < 0);
        Assert.True((await file.ReadAsync(10_001, 10, Stop)).IsEmpty);
    }

    [Fact]
    public async Task Append_AnswersWhereTheBytesBegin()
    {
        await using var file = await Files.OpenAsync(Root + "/log", new FileOpenOptions { Create = true }, Stop);
        Assert.Equal(0, await file.AppendAsync(Utf8("one"), Stop));
        Assert.Equal(3, await file.AppendAsync(Utf8("two"), Stop));
        await file.FlushAsync(Stop);
        Assert.Equal(Utf8("onetwo"), await Files.ReadAllBytesAsync(Root + "/log", Stop));
        await file.TruncateAsync(4, Stop);
        Assert.Equal(4, await file.AppendAsync(Utf8("!"), Stop));
        Assert.Equal(Utf8("onet!"), await Files.ReadAllBytesAsync(Root + "/log", Stop));
    }

    [Fact]
    public async Task Handle_AfterRename_StaysWithTheFile()
    {
        await using var file = await Files.OpenAsync(Root + "/old", new FileOpenOptions { Create = true }, Stop);
        await file.WriteAsync(0, Utf8("before"), Stop);
        await Files.RenameAsync(Root + "/old", Root + "/new", Stop);
        await file.AppendAsync(Utf8(" after"), Stop);
        Assert.Equal(Utf8("before after"), await Files.ReadAllBytesAsync(Root + "/new", Stop));
        await FailsAsync(DosErrorCode.NoSuchPath, () => Files.StatAsync(Root + "/old", cancellationToken: Stop));
    }

    [Theory]
    [InlineData("with space")]
    [InlineData("späße-日本-🚀")]
    [InlineData("100%")]
    [InlineData("%2e%2e")]
    [InlineData("%41")]
    [InlineData("a?b#c&d=e+f")]
    [InlineData("...")]
    [InlineData("back\\slash:colon;\"quote'")]
    public async Task Name_OfAnyCharacters_ComesBackAsItWent(string name)
    {
        await Files.PutSmallAsync($"{Root}/{name}", Utf8(name), cancellationToken: Stop);
        Assert.Equal(name, Assert.Single((await Files.ListAsync(Root, cancellationToken: Stop)).Items).Name);
        Assert.Equal(Utf8(name), await Files.ReadAllBytesAsync($"{Root}/{name}", Stop));
        await Files.RenameAsync($"{Root}/{name}", $"{Root}/{name}{name}", Stop);
        Assert.Equal(name + name, (await Files.StatAsync($"{Root}/{name}{name}", cancellationToken: Stop)).Name);
    }

    [Fact]
    public async Task DotsInPaths_AreTheMachinesToUnderstand()
    {
        await Files.MakeDirectoryAsync(Root + "/a/b", parents: true, cancellationToken: Stop);
        await Files.PutSmallAsync(Root + "/a/f", Utf8("up"), cancellationToken: Stop);
        Assert.Equal(Utf8("up"), await Files.ReadAllBytesAsync(Root + "/a/b/../f", Stop));
        Assert.Equal(Utf8("up"), await Files.ReadAllBytesAsync(Root + "//a/./f", Stop));
        await FailsAsync(DosErrorCode.NoSuchPath, () => Files.StatAsync(Root + "/missing/../a/f", cancellationToken: Stop));
        Assert.Equal(InodeKind.Directory, (await Files.StatAsync("/../../..", cancellationToken: Stop)).Kind);
    }

    [Fact]
    public async Task List_InPages_GivesEveryNameOnceInOrder()
    {
        var names = Enumerable.Range(0, 25).Select(static i => $"f{i:d2}").ToArray();
        foreach (var name in names.Reverse())
        {
            await Files.PutSmallAsync($"{Root}/{name}", Utf8(name), cancellationToken: Stop);
        }
        var seen = new List<string>();
        string? after = null;
        do
        {
            var page = await Files.ListAsync(Root, after, 10, Stop);
            Assert.InRange(page.Items.Count, 0, 10);
            seen.AddRange(page.Items.Select(static entry => entry.Name));
            after = page.Next;
        }
        while (after is not null);
        Assert.Equal(names, seen);
    }

    [Fact]
    public async Task Links_ShowTheSameFile()
    {
        await Files.PutSmallAsync(Root + "/f", Utf8("x"), cancellationToken: Stop);
        await Files.MakeLinkAsync(Root + "/f", Root + "/hard", Stop);
        await Files.MakeSymbolicLinkAsync(Root + "/f", Root + "/soft", Stop);
        var stat = await Files.StatAsync(Root + "/f", cancellationToken: Stop);
        Assert.Equal(2, stat.Links);
        Assert.Equal(stat.Inode, (await Files.StatAsync(Root + "/hard", cancellationToken: Stop)).Inode);
        Assert.Equal(stat.Inode, (await Files.StatAsync(Root + "/soft", cancellationToken: Stop)).Inode);
        var link = await Files.StatAsync(Root + "/soft", followLinks: false, Stop);
        Assert.Equal((InodeKind.SymbolicLink, Root + "/f"), (link.Kind, link.Target));
        Assert.Equal(0b110_000_000, (await Files.ChangeModeAsync(Root + "/f", 0b110_000_000, Stop)).Mode);
    }

    [Fact]
    public async Task Refusals_NameTheirCode()
    {
        await Files.MakeDirectoryAsync(Root + "/d/e", parents: true, cancellationToken: Stop);
        await Files.PutSmallAsync(Root + "/f", Utf8("x"), cancellationToken: Stop);
        await FailsAsync(DosErrorCode.NoSuchPath, () => Files.OpenAsync(Root + "/none", null, Stop));
        await FailsAsync(DosErrorCode.PathExists, () => Files.MakeDirectoryAsync(Root + "/d", cancellationToken: Stop));
        await FailsAsync(DosErrorCode.PathExists, () => Files.OpenAsync(Root + "/f", new FileOpenOptions { Create = true, Exclusive = true }, Stop));
        await FailsAsync(DosErrorCode.NotADirectory, () => Files.StatAsync(Root + "/f/x", cancellationToken: Stop));
        await FailsAsync(DosErrorCode.IsADirectory, () => Files.OpenAsync(Root + "/d", null, Stop));
        await FailsAsync(DosErrorCode.DirectoryNotEmpty, () => Files.RemoveAsync(Root + "/d", cancellationToken: Stop));
        await FailsAsync(DosErrorCode.WouldCycle, () => Files.RenameAsync(Root + "/d", Root + "/d/e/d", Stop));
        await FailsAsync(DosErrorCode.NameTooLong, () => Files.MakeDirectoryAsync(Root + "/" + new string('n', 256), cancellationToken: Stop));
        await FailsAsync(DosErrorCode.PathTooLong, () => Files.StatAsync("/" + new string('p', 5000), cancellationToken: Stop));
        await FailsAsync(DosErrorCode.InvalidPath, () => Files.StatAsync(Root + "/a\0b", cancellationToken: Stop));
        await FailsAsync(DosErrorCode.InvalidPath, () => Files.StatAsync("", cancellationToken: Stop));
        await FailsAsync(DosErrorCode.InvalidArgument, () => Files.ListAsync(Root, limit: 0, cancellationToken: Stop));
    }

    [Fact]
    public async Task Stream_OfManyFrames_GoesThroughInBoundedPieces()
    {
        var (first, second) = (Noise(1_000_003, 7), Noise(777_777, 8));
        await using (var write = await Files.OpenWriteAsync(Root + "/big", cancellationToken: Stop))
        {
            await write.WriteAsync(first, Stop);
            await write.FlushAsync(Stop);
            await write.WriteAsync(second, Stop);
        }
        await using (var append = await Files.OpenAppendAsync(Root + "/big", cancellationToken: Stop))
        {
            await append.WriteAsync(first, Stop);
        }
        await using var read = await Files.OpenReadAsync(Root + "/big", Stop);
        using var content = new MemoryStream();
        await read.CopyToAsync(content, Stop);
        Assert.Equal([.. first, .. second, .. first], content.ToArray());
        read.Seek(first.Length, SeekOrigin.Begin);
        var piece = new byte[1000];
        await read.ReadExactlyAsync(piece, Stop);
        Assert.Equal(second[..1000], piece);
    }
}
