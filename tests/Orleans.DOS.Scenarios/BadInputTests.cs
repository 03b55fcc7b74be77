using Orleans.DOS.Scenarios.Harness;

namespace Orleans.DOS.Scenarios;

/// <summary>Whatever is wrong: one sentence with its code on standard error, nothing on standard output, an exit code that is not zero, no stack trace.</summary>
[Collection(ScenarioCluster.Name)]
public sealed class BadInputTests(ScenarioCluster cluster)
{
    private const string Name256 = "$(printf 'n%.0s' $(seq 256))";
    private const string Path4100 = "$(printf '/name%.0s' $(seq 820))";

    [Theory]
    // What does not exist.
    [InlineData("dos run nothing", 1, "UnknownProgram")]
    [InlineData("dos job submit nothing /", 1, "UnknownProgram")]
    [InlineData("dos fs cat /none", 1, "NoSuchPath")]
    [InlineData("dos fs ls /none", 1, "NoSuchPath")]
    [InlineData("dos fs mv /none /some", 1, "NoSuchPath")]
    [InlineData("dos fs rm /none", 1, "NoSuchPath")]
    [InlineData("dos fs put /none/local /some", 1, "NoSuchPath")]
    [InlineData("dos job submit sort /none", 1, "NoSuchPath")]
    [InlineData("dos wait 999999999", 1, "NoSuchProcess")]
    [InlineData("dos kill 9223372036854775807", 1, "NoSuchProcess")]
    [InlineData("dos logs 0", 1, "NoSuchProcess")]
    [InlineData("dos job show 999999999", 1, "NoSuchJob")]
    [InlineData("dos node show n-none", 1, "NoSuchNode")]
    [InlineData("dos node show ../..", 1, "NoSuchNode")]
    [InlineData("dos --machine none ps", 1, "NoSuchMachine")]
    // Paths that are none: '..' stays in the tree, a NUL ends an argument before dos sees it.
    [InlineData("dos fs cat /../../none", 1, "NoSuchPath")]
    [InlineData("dos fs cat none", 1, "InvalidPath")]
    [InlineData("dos fs cat ''", 1, "InvalidPath")]
    [InlineData("dos fs mkdir /..", 1, "PathExists")]
    [InlineData("dos fs rm -r /", 1, "InvalidPath")]
    [InlineData("dos fs mkdir /" + Name256, 1, "NameTooLong")]
    [InlineData("dos fs mkdir " + Path4100, 1, "PathTooLong")]
    // A directory where a file is needed, and the other way round.
    [InlineData("dos fs cat /proc", 1, "IsADirectory")]
    [InlineData("dos fs get /nodes here", 1, "IsADirectory")]
    [InlineData("echo x | dos fs put - /", 1, "IsADirectory")]
    [InlineData("dos fs put . /here", 1, "PermissionDenied")]
    [InlineData("echo x | dos fs put - /file-here; dos fs ls /file-here", 1, "NotADirectory")]
    [InlineData("dos fs mkdir /nodes/mine", 1, "ReadOnlyPath")]
    // Credentials.
    [InlineData("echo dos1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA | dos --credential - ps", 1, "Unauthenticated")]
    [InlineData("echo wrong | dos --credential - fs cat /none", 1, "Unauthenticated")]
    [InlineData("echo | dos --credential - run true", 1, "Unauthenticated")]
    [InlineData("dos --credential /none ps", 1, "NoSuchPath")]
    // A cluster that is not there, and one that somebody keeps.
    [InlineData("dos --data none status", 4, "Unavailable")]
    [InlineData("dos --data none down", 4, "Unavailable")]
    [InlineData("dos --data none node start", 1, "NoSuchPath")]
    [InlineData("dos --url http://127.0.0.1:1 --credential \"$DOS_DATA/credential\" status", 4, "Unavailable")]
    [InlineData("dos up", 3, "InUse")]
    [InlineData("dos up -d", 3, "InUse")]
    [InlineData("dos --data /proc/none up", 1, "NoSuchPath")]
    [InlineData("dos --data new up -d --no-migrate", 3, "SchemaTooOld")]
    [InlineData("dos up --label zone", 2, "InvalidArgument")]
    [InlineData("DOS_NODE=/none dos node start --name node1", 3, "InUse")]
    // Numbers and words that are none.
    [InlineData("dos up --nodes 65", 2, "InvalidArgument")]
    [InlineData("dos kill --signal WHAT 1", 2, "InvalidArgument")]
    [InlineData("dos fs put --replicas -1 /etc/hostname /some", 2, "InvalidArgument")]
    [InlineData("dos job submit sort / --partitions -1", 2, "InvalidArgument")]
    [InlineData("dos job submit grep /", 2, "InvalidArgument")]
    public async Task BadInput_IsToldInOneSentenceWithItsCode(string command, int exitCode, string code)
    {
        var answer = await cluster.Shell("bad").RunAsync("{ " + command + "; } >unwanted", TestContext.Current.CancellationToken);
        Assert.True(answer.ExitCode == exitCode && new Pattern().Matches([$"dos: <...> [{code}]"], answer.Lines),
            $"{command}\nexpected: dos: <...> [{code}] ? {exitCode}\nactual:\n{string.Join('\n', answer.Lines)}\n? {answer.ExitCode}");
        Assert.DoesNotContain("a bug", answer.Lines[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task FullDisk_IsToldInOneSentence_AndWhatWasStoredIsStillThere()
    {
        await using var nodes = new OwnNodes();
        Assert.SkipUnless((await nodes.Shell.RunAsync($"mkdir '{nodes.Data}' && mount -t tmpfs -o size=48m tmpfs '{nodes.Data}'", default)).ExitCode == 0, "no right to mount a small disk");
        try
        {
            await nodes.SucceedAsync("dos up -d && head -c 1000000 /dev/urandom >local && dos fs put local /kept && echo small | dos fs put - /small");
            await nodes.RefuseAsync("head -c 100000000 /dev/zero 2>/dev/null | dos fs put - /big", 1, "NoSpace");
            await nodes.RefuseAsync("head -c 100000000 /dev/zero 2>/dev/null | dos fs put - /more", 1, "NoSpace");

            // The room that is left is for who clears up; when that is gone too, nothing new is named, and removing still goes.
            await nodes.SucceedAsync("dos fs rm /more && echo still | dos fs put - /still");
            await nodes.SucceedAsync($"fallocate -l $(( $(df --output=avail -B1 '{nodes.Data}' | tail -1) - 1048576 )) '{nodes.Data}/filling'");
            // Some may still be made: the disk is not looked at each time.
            await nodes.RefuseAsync("i=0; while [ $i -lt 30 ] && echo none | dos fs put - /none$i 2>told; do i=$((i+1)); done; cat told; exit 1", 1, "NoSpace");
            await nodes.RefuseAsync("dos run -d true", 1, "NoSpace");
            await nodes.SucceedAsync($"dos fs rm /still && rm '{nodes.Data}/filling'");

            await nodes.SucceedAsync($"mount -o remount,size=128m tmpfs '{nodes.Data}'");
            await nodes.SucceedAsync("dos fs get /kept - | cmp - local && dos fs rm /big && echo again | dos fs put - /again");
            Assert.Equal(["small", "again"], await nodes.SucceedAsync("dos fs cat /small; dos fs cat /again"));
            await nodes.SucceedAsync("dos down");
        }
        finally
        {
            await nodes.Shell.RunAsync($"umount --lazy '{nodes.Data}'", default);
        }
    }
}
