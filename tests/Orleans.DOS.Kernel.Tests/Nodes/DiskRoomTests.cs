using Orleans.DOS.Nodes;
using Xunit;

namespace Orleans.DOS.Kernel.Tests.Nodes;

public sealed class DiskRoomTests
{
    private const long MiB = 1024 * 1024, GiB = 1024 * MiB;

    [Theory]
    [InlineData(48 * MiB, 3 * MiB)]
    [InlineData(GiB, 64 * MiB)]
    [InlineData(4096 * GiB, 64 * MiB)]
    public void Reserve_IsAPartOfASmallDisk_AndNoMoreThanClearingUpTakes(long size, long reserve) => Assert.Equal(reserve, DiskRoom.ReserveOf(size));

    [Fact]
    public void Room_IsGivenUntilTheReserve_AndAgainWhenSomeIsFreed()
    {
        var free = 100 * MiB;
        var room = new DiskRoom(() => new DiskSpace(GiB, free));
        var written = 0L;
        while (room.TryTake(64 * 1024))
        {
            written += 64 * 1024;
            free -= 64 * 1024;
        }
        Assert.Equal(100 * MiB - 64 * MiB, written);
        Assert.False(room.TryTake(1));
        free += MiB;
        Assert.True(room.TryTake(MiB));
        free -= MiB;
        Assert.False(room.TryTake(MiB));
    }

    [Fact]
    public void Disk_IsLookedAtSeldom_AndLateByASmallPartOfTheReserve()
    {
        var (looks, free) = (0, GiB);
        var room = new DiskRoom(() =>
        {
            looks++;
            return new DiskSpace(GiB, free);
        });
        for (var taken = 0; taken < 1000; taken++)
        {
            Assert.True(room.TryTake(4096));
        }
        Assert.InRange(looks, 1, 2);
        // Somebody else fills it up.
        free = 0;
        var late = 0L;
        while (room.TryTake(4096))
        {
            late += 4096;
        }
        Assert.InRange(late, 0, DiskRoom.ReserveOf(GiB) / 16);
    }

    [Fact]
    public void Catalog_HasRoomLeft_WhenDataHasNone()
    {
        var space = new DiskSpace(GiB, 50 * MiB);
        Assert.False(new DiskRoom(() => space).TryTake(1));
        Assert.True(new DiskRoom(() => space, share: 50).TryTake(1));
    }
}
