using System.Net;
using Microsoft.Extensions.Time.Testing;
using Orleans.DOS.Nodes;
using Orleans.Runtime;
using Xunit;

namespace Orleans.DOS.Grains.Tests.Nodes;

public sealed class IndirectProbeFilterTests
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(2);
    private static readonly SiloAddress Silent = SiloAddress.New(IPAddress.Loopback, 1, 1), Another = SiloAddress.New(IPAddress.Loopback, 2, 1);

    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void SilentNode_GetsItsPatience_AndThenTheAnswersComeInTime()
    {
        var filter = new IndirectProbeFilter(_time);
        Assert.Equal(Timeout, filter.Shorten(Silent, Timeout));
        _time.Advance(IndirectProbeFilter.Patience - TimeSpan.FromMilliseconds(1));
        Assert.Equal(Timeout, filter.Shorten(Silent, Timeout));
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(TimeSpan.FromSeconds(1.5), filter.Shorten(Silent, Timeout));
        Assert.Equal(Timeout, filter.Shorten(Another, Timeout));
    }

    [Fact]
    public void NodeThatAnsweredInBetween_GetsItsPatienceAnew()
    {
        var filter = new IndirectProbeFilter(_time);
        filter.Shorten(Silent, Timeout);
        _time.Advance(IndirectProbeFilter.Patience);
        Assert.NotEqual(Timeout, filter.Shorten(Silent, Timeout));
        _time.Advance(IndirectProbeFilter.Forgotten);
        Assert.Equal(Timeout, filter.Shorten(Silent, Timeout));
    }
}
