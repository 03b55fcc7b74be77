using Orleans.Concurrency;
using Orleans.DOS.Catalog;
using Orleans.DOS.Checks;
using Orleans.DOS.Files;
using Orleans.DOS.Security;
using Xunit;
using static Orleans.DOS.Files.FilesCluster;

namespace Orleans.DOS.Grains.Tests.Checks;

public sealed class SqliteNameCheckTests(SqliteFiles cluster) : NameCheckTests(cluster), IClassFixture<SqliteFiles>;

public sealed class PostgresNameCheckTests(PostgresFiles cluster) : NameCheckTests(cluster), IClassFixture<PostgresFiles>;

/// <summary>Damage is planted in the rows of names, inodes and extents: each kind is found, mended without loss, and not found again.</summary>
public abstract class NameCheckTests(FilesCluster cluster)
{
    private static readonly CheckOptions Look = new(), Mend = new() { Mend = true };
    private readonly string _home = "/" + Guid.NewGuid().ToString("N");

    [Fact]
    public async Task Whole_IsToldAsNothing_OverManyPages()
    {
        await cluster.Names.MakeDirectoryAsync(Call(), _home, false, 493);
        await Parallel.ForAsync(0, 1100, async (number, _) => await PutAsync($"f{number}"));
        await cluster.Names.MakeLinkAsync(Call(), $"{_home}/f1", $"{_home}/again");
        await cluster.Names.MakeDirectoryAsync(Call(), $"{_home}/d", false, 493);
        await cluster.Names.MakeSymbolicLinkAsync(Call(), "f1", $"{_home}/symbolic");
        var (findings, sums) = await CheckAsync(Look);
        Assert.Empty(findings);
        Assert.True(sums.Names >= 1104 && sums.Inodes >= 1103, $"{sums.Names} names, {sums.Inodes} inodes");
    }

    [Fact]
    public async Task NameOfNothing_IsTakenAway()
    {
        await cluster.Names.MakeDirectoryAsync(Call(), _home, false, 493);
        var file = await PutAsync("f");
        await ExecuteAsync("DELETE FROM dos_inodes WHERE inode_id = @inode", file);
        await FoundAndMendedAsync(FindingKind.Name, $"{_home}/f", $"{_home}/f");
        await Assert.ThrowsAsync<DosException>(() => cluster.Names.StatAsync(Call(), $"{_home}/f", true));
        await cluster.Names.RemoveAsync(Call(), _home, false);
    }

    [Fact]
    public async Task FileWithoutAName_GetsOne_AndKeepsItsContent()
    {
        await cluster.Names.MakeDirectoryAsync(Call(), _home, false, 493);
        var file = await PutAsync("f");
        await ExecuteAsync("DELETE FROM dos_entries WHERE inode_id = @inode", file);
        var found = $"/lost+found/inode-{file}";
        await FoundAndMendedAsync(FindingKind.NoName, null, found);
        Assert.Equal((file, 4, 1), await cluster.Names.StatAsync(Call(), found, true) is var stat ? (stat.Inode, stat.Size, stat.Links) : default);
        Assert.Equal("text"u8.ToArray(), await cluster.ReadAsync(file));
        await cluster.Names.RemoveAsync(Call(), found, false);
    }

    /// <summary>A directory's row is gone: what was in it is nameless, a directory below it with all that is in that.</summary>
    [Fact]
    public async Task WhatWasInALostDirectory_IsFoundAgain_WithWhatIsBelow()
    {
        await cluster.Names.MakeDirectoryAsync(Call(), _home, false, 493);
        var lost = (await cluster.Names.MakeDirectoryAsync(Call(), $"{_home}/d", false, 493)).Inode;
        var below = (await cluster.Names.MakeDirectoryAsync(Call(), $"{_home}/d/e", false, 493)).Inode;
        var file = await PutAsync("d/e/f");
        await ExecuteAsync("DELETE FROM dos_inodes WHERE inode_id = @inode", lost);
        var (findings, _) = await CheckAsync(Mend);
        Assert.Equal([FindingKind.Name, FindingKind.Name, FindingKind.NoName], findings.Select(finding => finding.Kind).Order());
        Assert.All(findings, finding => Assert.Equal(MendState.Done, finding.Mend));
        var found = $"/lost+found/inode-{below}";
        Assert.Equal(file, (await cluster.Names.StatAsync(Call(), $"{found}/f", true)).Inode);
        Assert.Equal((await cluster.Names.StatAsync(Call(), "/lost+found", true)).Inode, (await cluster.Names.StatAsync(Call(), $"{found}/..", true)).Inode);
        Assert.Empty((await CheckAsync(Look)).Findings);
        await cluster.Names.RemoveAsync(Call(), found, true);
        Assert.Empty((await CheckAsync(Look)).Findings);
    }

    [Fact]
    public async Task WrongCountOfNames_AndAWrongWayUp_AreSetRight()
    {
        await cluster.Names.MakeDirectoryAsync(Call(), _home, false, 493);
        var file = await PutAsync("f");
        await ExecuteAsync("UPDATE dos_inodes SET nlink = 7 WHERE inode_id = @inode", file);
        await FoundAndMendedAsync(FindingKind.Links, $"{_home}/f", $"{_home}/f");
        Assert.Equal(1, (await cluster.Names.StatAsync(Call(), $"{_home}/f", true)).Links);
        var directory = (await cluster.Names.MakeDirectoryAsync(Call(), $"{_home}/d", false, 493)).Inode;
        await ExecuteAsync("UPDATE dos_inodes SET parent_id = 1 WHERE inode_id = @inode", directory);
        await FoundAndMendedAsync(FindingKind.Links, $"{_home}/d", $"{_home}/d");
        Assert.Equal(file, (await cluster.Names.StatAsync(Call(), $"{_home}/d/../f", true)).Inode);
    }

    /// <summary>Parts of a file in no segment, behind a segment's end, in another file's, and under one another; told with the path, and nothing is touched.</summary>
    [Theory]
    [InlineData("UPDATE dos_segments SET state = 3 WHERE segment_id = @segment", "being deleted")]
    [InlineData("UPDATE dos_segments SET length = 100 WHERE segment_id = @segment", "behind the end")]
    [InlineData("UPDATE dos_segments SET object = 'file:1' WHERE segment_id = @segment", "which is of file:1")]
    [InlineData("DELETE FROM dos_segments WHERE segment_id = @segment", "which is not there")]
    [InlineData("UPDATE dos_extents SET length = length + 1 WHERE segment_id = @segment AND position = 0", "under others")]
    public async Task PartOfAFile_ThatLiesNowhere_IsTold(string damage, string text)
    {
        await cluster.Names.MakeDirectoryAsync(Call(), _home, false, 493);
        var (file, segment) = (await PutAsync("f"), await cluster.Catalog.NextIdAsync("segment"));
        await cluster.Catalog.WriteAsync(async session =>
        {
            await session.ExecuteAsync(
                "INSERT INTO dos_segments(segment_id, object, epoch, state, length, replicas_wanted, created_at) VALUES (@segment, @target, 1, 2, 1192, 0, 0)",
                new { segment, target = ObjectId.File(file).ToString() });
            return await session.ExecuteAsync(
                "INSERT INTO dos_extents(inode_id, position, length, segment_id, segment_offset, frame_payload) VALUES (@inode, 0, 500, @segment, 0, 500), (@inode, 500, 500, @segment, 596, 500)",
                new { inode = file.Value, segment });
        });
        try
        {
            Assert.DoesNotContain((await CheckAsync(Look)).Findings, finding => finding.Kind == FindingKind.Extent);
            await cluster.Catalog.WriteAsync(session => session.ExecuteAsync(damage, new { segment }));
            var told = (await CheckAsync(Mend)).Findings.Where(finding => finding.Kind == FindingKind.Extent).ToList();
            Assert.NotEmpty(told);
            Assert.All(told, finding => Assert.True(finding is { Mend: MendState.NotPossible } && finding.Path == $"{_home}/f" && finding.Text.Contains(text, StringComparison.Ordinal), finding.Text));
            Assert.Equal(2, await cluster.Catalog.ReadAsync(session => session.QueryFirstAsync<long>("SELECT count(*) FROM dos_extents WHERE inode_id = @inode", new { inode = file.Value })));

            // Of a file that is gone, they go too.
            await ExecuteAsync("DELETE FROM dos_entries WHERE inode_id = @inode", file);
            await ExecuteAsync("DELETE FROM dos_inodes WHERE inode_id = @inode", file);
            var orphans = (await CheckAsync(Mend)).Findings.Where(finding => finding is { Kind: FindingKind.Orphan, Mend: MendState.Done }).ToList();
            Assert.True(orphans.Count >= 2, $"{orphans.Count}");
        }
        finally
        {
            await ExecuteAsync("DELETE FROM dos_extents WHERE inode_id = @inode", file);
            await cluster.Catalog.WriteAsync(session => session.ExecuteAsync("DELETE FROM dos_segments WHERE segment_id = @segment", new { segment }));
        }
    }

    [Fact]
    public async Task Check_IsTheAdministratorsAlone_AndGoesOnOnlyWhereOneHasEnded()
    {
        var other = Call() with { Principal = Principal.Admin with { Name = "other", UserId = 7 } };
        Assert.Equal(DosErrorCode.PermissionDenied, (await Assert.ThrowsAsync<DosException>(() => cluster.Checks.StepAsync(other, Look, null))).Code);
        Assert.Equal(DosErrorCode.PermissionDenied, (await Assert.ThrowsAsync<DosException>(() => cluster.Checks.StepAsync(Call() with { Process = new ProcessId(1) }, Look, null))).Code);
        foreach (var after in (string[])["", "x", "1.1.1.1", "1.9.0.0.", "1.1.-1.0.", "1.1.0.0.!", "2.1.0.0.", "1.4.99999999999999999999.0."])
        {
            Assert.Equal(DosErrorCode.InvalidArgument, (await Assert.ThrowsAsync<DosException>(() => cluster.Checks.StepAsync(Call(), Look, after))).Code);
        }
    }

    private async Task FoundAndMendedAsync(FindingKind kind, string? path, string mendedPath)
    {
        var found = Assert.Single((await CheckAsync(Look)).Findings);
        Assert.Equal((kind, path, MendState.None), (found.Kind, found.Path, found.Mend));
        var mended = Assert.Single((await CheckAsync(Mend)).Findings);
        Assert.Equal((kind, mendedPath, MendState.Done), (mended.Kind, mended.Path, mended.Mend));
        Assert.Empty((await CheckAsync(Look)).Findings);
    }

    private async Task<(List<Finding> Findings, CheckStep Sums)> CheckAsync(CheckOptions options)
    {
        var (findings, sums) = (new List<Finding>(), new CheckStep());
        string? after = null;
        do
        {
            var step = await cluster.Checks.StepAsync(Call(), options, after);
            findings.AddRange(step.Findings);
            sums = sums with { Names = sums.Names + step.Names, Inodes = sums.Inodes + step.Inodes };
            after = step.Next;
        }
        while (after is not null);
        return (findings, sums);
    }

    private async Task<InodeId> PutAsync(string name) => (await cluster.Names.PutSmallAsync(
        Call(), $"{_home}/{name}", new Immutable<byte[]>("text"u8.ToArray()), new FileOpenOptions { Create = true, Truncate = true })).Inode;

    private Task<int> ExecuteAsync(string sql, InodeId inode) => cluster.Catalog.WriteAsync(session => session.ExecuteAsync(sql, new { inode = inode.Value }));
}
