using System.Net;
using System.Net.Sockets;
using Orleans.DOS.Nodes;

namespace Orleans.DOS.Grains.Tests.Nodes;

/// <summary>What a node keeps in its directory. That its names are synced shows only below the process (strace), not here.</summary>
public sealed class DataDirectoryTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("dos-data-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Open_BelowDirectoriesThatAreMissing_MakesThem_AndOpensThemAgain()
    {
        var root = Path.Combine(_root, "a", "b");
        for (var start = 0; start < 2; start++)
        {
            using var directory = DataDirectory.Open(root, "one");
            Assert.Equal(Path.Combine(root, "nodes", "one", "disk"), directory.DiskPath);
            Assert.True(Directory.Exists(directory.DiskPath));
        }
    }

    [Fact]
    public void Replace_GivesTheNewContent_AlsoByARelativePath()
    {
        var path = Path.GetRelativePath(Directory.GetCurrentDirectory(), Path.Combine(_root, "file"));
        DataDirectory.Replace(path, "old"u8);
        DataDirectory.Replace(path, "new"u8);
        Assert.Equal("new", File.ReadAllText(path));
        Assert.Single(Directory.GetFiles(_root));
    }

    /// <summary>A node listens on its port only when its catalog is open: until then a claim keeps others of this host off it.</summary>
    [Fact]
    public void ChosenPort_IsTakenForOtherNodes_BeforeAnybodyListens_AndFreeWhenItsNodeIsGone()
    {
        using var free = new TcpListener(IPAddress.Loopback, 0);
        free.Start();
        var port = ((IPEndPoint)free.LocalEndpoint).Port;
        free.Stop();
        using var second = new PortClaims();
        using (var first = new PortClaims())
        {
            Assert.Equal(port, DataDirectory.ChoosePort(IPAddress.Loopback, port, 0, "silo", first));
            Assert.Equal(DosErrorCode.PortInUse, Assert.Throws<DosException>(() => DataDirectory.ChoosePort(IPAddress.Loopback, port, 0, "silo", first)).Code);
            if (OperatingSystem.IsLinux())
            {
                Assert.Equal(DosErrorCode.PortInUse, Assert.Throws<DosException>(() => DataDirectory.ChoosePort(IPAddress.Loopback, 0, port, "silo", second)).Code);
            }
        }
        Assert.Equal(port, DataDirectory.ChoosePort(IPAddress.Loopback, 0, port, "silo", second));
    }
}
