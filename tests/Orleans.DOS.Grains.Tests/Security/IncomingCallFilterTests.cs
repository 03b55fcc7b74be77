using System.Reflection;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Orleans.DOS.Grains.Tests.Nodes;
using Orleans.DOS.Nodes;
using Orleans.DOS.Security;
using Orleans.Runtime;
using Orleans.Serialization.Invocation;
using Xunit;

namespace Orleans.DOS.Grains.Tests.Security;

/// <summary>Calls between nodes carry the caller's incarnation, signed; one that is known dead is refused (design, section 7).</summary>
public sealed class IncomingCallFilterTests : IDisposable
{
    private static readonly NodeId Own = new("n-1"), Other = new("n-2");
    private static readonly MethodInfo NodesOnly = typeof(INodeTableGrain).GetMethod("ReportAsync")!;
    private readonly ClusterKey _key = new(RandomNumberGenerator.GetBytes(32), "c-1");
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 11, 28, 0, 0, 0, TimeSpan.Zero));
    private readonly NodeStanding _standing;
    private readonly NodeView _view;
    private long _version;

    public IncomingCallFilterTests()
    {
        var identity = new NodeIdentity(Own, 7, new DiskId("d-1"), "c-1");
        _standing = new NodeStanding(identity, _time);
        // Its membership tells nothing: what it knows it has read from the catalog.
        _view = new NodeView(identity, null!, _standing, NullLogger<NodeView>.Instance);
    }

    public void Dispose() => _view.Dispose();

    [Fact]
    public async Task Call_OfAnIncarnationThatIsActive_Passes()
    {
        Read(Active(Own, 7), Active(Other, 8));
        Assert.True(await CallAsync(Other, 8));
    }

    [Fact]
    public async Task Call_OfAnIncarnationThatWasReadAsDead_IsStale()
    {
        Read(Active(Own, 7), Active(Other, 8));
        Read(Active(Own, 7), new Member(Other, 8, IsActive: false, IsDead: true));
        await AssertStaleAsync(Other, 8);
        // Its next start lives.
        Read(Active(Own, 7), new Member(Other, 8, IsActive: false, IsDead: true), Active(Other, 9));
        Assert.True(await CallAsync(Other, 9));
        await AssertStaleAsync(Other, 8);
    }

    [Fact]
    public async Task Call_OfAnIncarnationThatWasReplaced_IsStale()
    {
        Read(Active(Own, 7), Active(Other, 8));
        Read(Active(Own, 7), Active(Other, 8), Active(Other, 9));
        await AssertStaleAsync(Other, 8);
        Assert.True(await CallAsync(Other, 9));
    }

    [Fact]
    public async Task Call_OfAnIncarnationThatHasVanished_IsStale()
    {
        Read(Active(Own, 7), Active(Other, 8));
        Read(Active(Own, 7));
        await AssertStaleAsync(Other, 8);
    }

    private static Member Active(NodeId node, long incarnation) => new(node, incarnation, IsActive: true, IsDead: false);

    private void Read(params Member[] members)
    {
        _time.Advance(TimeSpan.FromMilliseconds(500));
        Assert.True(_standing.Read(new MembershipReading(++_version, members, []), _standing.NowMs));
    }

    private async Task AssertStaleAsync(NodeId node, long incarnation) =>
        Assert.Equal(DosErrorCode.Stale, (await Assert.ThrowsAsync<DosException>(() => CallAsync(node, incarnation))).Code);

    /// <returns>Whether the grain was called.</returns>
    private async Task<bool> CallAsync(NodeId node, long incarnation)
    {
        RequestContext.Set(Credentials.RequestContextKey, _key.SignNode(node, incarnation));
        // What a node proves of itself needs no catalog.
        var filter = new IncomingCallFilter(new CredentialStore(null!, _key, new StagedLease(), _time), _key, _view, null!);
        var invoked = false;
        var request = Double<IInvokable>.Make(member => member switch
        {
            "GetMethod" => NodesOnly,
            "GetInterfaceType" => NodesOnly.DeclaringType,
            "GetArgumentCount" => 0,
            _ => throw new NotSupportedException(member),
        });
        var call = Double<IIncomingGrainCallContext>.Make(member => member switch
        {
            "get_Request" => request,
            "get_SourceId" => null,
            "Invoke" => Invoked(),
            _ => throw new NotSupportedException(member),
        });
        Task Invoked()
        {
            invoked = true;
            return Task.CompletedTask;
        }
        try
        {
            await filter.Invoke(call);
        }
        catch (DosException)
        {
            Assert.False(invoked);
            throw;
        }
        return invoked;
    }

    /// <summary>An interface of Orleans of which a call uses a few members.</summary>
    public class Double<T> : DispatchProxy
        where T : class
    {
        private Func<string, object?> _answer = null!;

        public static T Make(Func<string, object?> answer)
        {
            var made = Create<T, Double<T>>();
            ((Double<T>)(object)made)._answer = answer;
            return made;
        }

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => _answer(targetMethod!.Name);
    }
}
