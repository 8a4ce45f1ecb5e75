"""The tables that ``/api/stats`` knows, and where their rows come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing import php
from mautic_async.testing.replies import to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.store import Row

_COLUMNS: Final = """
asset_downloads asset_id code date_download email_id id ip_id lead_id referer source source_id tracking_id utm_campaign
 utm_content utm_medium utm_source utm_term
audit_log action bundle date_added details id ip_address object object_id user_id user_name
campaign_lead_event_log campaign_id channel channel_id date_triggered event_id id ip_id is_scheduled lead_id metadata
 non_action_path_taken rotation system_triggered trigger_date
campaign_leads campaign_id date_added date_last_exited lead_id manually_added manually_removed rotation
channel_url_trackables channel channel_id hits redirect_id unique_hits
companies_leads company_id date_added is_primary lead_id
dynamic_content_lead_data date_added dynamic_content_id id lead_id slot
dynamic_content_stats date_sent dynamic_content_id id last_sent lead_id sent_count sent_details source source_id tokens
email_stat_replies date_replied id message_id stat_id
email_stats copy_id date_read date_sent email_address email_id id ip_id is_failed is_read last_opened lead_id list_id
 open_count open_details retry_count source source_id tokens tracking_hash viewed_in_browser
email_stats_devices date_opened device_id id ip_id stat_id
focus_stats date_added focus_id id lead_id type type_id
form_submissions date_submitted form_id id ip_id lead_id page_id referer tracking_id
ip_addresses id ip_address ip_details
lead_categories category_id date_added id lead_id manually_added manually_removed
lead_companies_change_log action_name company_id date_added event_name id lead_id type
lead_devices client_info date_added device device_brand device_model device_os_name device_os_platform
 device_os_shortname device_os_version id lead_id tracking_id
lead_donotcontact channel channel_id comments date_added id lead_id reason
lead_event_log action bundle date_added id lead_id object object_id properties user_id user_name
lead_frequencyrules channel date_added frequency_number frequency_time id lead_id pause_from_date pause_to_date
 preferred_channel
lead_lists_leads date_added leadlist_id lead_id manually_added manually_removed
lead_points_change_log action_name date_added delta event_name group_id id ip_id lead_id type
lead_stages_change_log action_name date_added event_name id lead_id stage_id
lead_utmtags date_added id lead_id query referer remote_host url user_agent utm_campaign utm_content utm_medium
 utm_source utm_term
page_hits browser_languages city code country date_hit date_left device_id email_id id ip_id isp lead_id organization
 page_id page_language query redirect_id referer region remote_host source source_id tracking_id url url_title
 user_agent
page_redirects checked_out checked_out_by checked_out_by_user created_by created_by_user date_added date_modified hits
 id is_published modified_by modified_by_user redirect_id unique_hits url
point_lead_action_log date_fired ip_id lead_id point_id
point_lead_event_log date_fired event_id ip_id lead_id
push_notification_stats click_count click_details date_clicked date_read date_sent id ip_id is_clicked last_clicked
 lead_id list_id notification_id retry_count source source_id tokens tracking_hash
sms_message_stats date_sent details id ip_id is_failed lead_id list_id sms_id source source_id tokens tracking_hash
stage_lead_action_log date_fired ip_id lead_id stage_id
tweet_stats date_sent favorite_count handle id is_failed lead_id response_details retry_count retweet_count source
 source_id tweet_id twitter_tweet_id
video_hits browser_languages channel channel_id city code country date_hit date_left duration guid id ip_id isp lead_id
 organization page_language query referer region remote_host time_watched url user_agent
webhook_logs date_added id note runtime status_code webhook_id
"""
_LINES: Final = [line.split() for line in _COLUMNS.replace("\n ", " ").strip().splitlines()]
TABLES: Final = {name: tuple(columns) for name, *columns in _LINES}
"""Columns of every table, in the order of the alphabet."""


def _sql_datetime_or_none(seconds: Any) -> Any:
    return None if seconds is None else php.sql_datetime(int(seconds))


def _only_rows(rows: Any, only: set[int] | None) -> Iterator[Row]:
    return (row for row in rows if only is None or row["id"] in only)


def _audit(context: RequestContext, only: set[int] | None) -> Iterator[Row]:
    for row in _only_rows(context.table("audit_log"), only):
        yield {
            "id": row["id"],
            "user_id": row["userId"],
            "user_name": row["userName"],
            "bundle": row["bundle"],
            "object": row["object"],
            "object_id": row["objectId"],
            "action": row["action"],
            "details": php.serialized(row["details"]),
            "date_added": _sql_datetime_or_none(row["dateAdded"]),
            "ip_address": row["ipAddress"],
        }


def _members(context: RequestContext, only: set[int] | None) -> Iterator[Row]:
    for row in _only_rows(context.table("campaign_contacts"), only):
        yield {
            "campaign_id": row["campaign"],
            "lead_id": row["contact"],
            "date_added": _sql_datetime_or_none(row["date"]),
            "manually_removed": int(row["removed"]),
            "manually_added": int(row["added"]),
            "date_last_exited": _sql_datetime_or_none(row["left"]),
            "rotation": row["rotation"],
        }


def _campaign_log(context: RequestContext, only: set[int] | None) -> Iterator[Row]:
    for row in _only_rows(context.table("campaign_log"), only):
        yield {
            "id": row["id"],
            "event_id": row["event"],
            "lead_id": row["contact"],
            "campaign_id": row["campaign"],
            "rotation": row["rotation"],
            "date_triggered": _sql_datetime_or_none(row["dateTriggered"]),
            "is_scheduled": int(row["isScheduled"]),
            "trigger_date": _sql_datetime_or_none(row["triggerDate"]),
            "system_triggered": 0,
            "metadata": php.serialized(row["metadata"]),
            "channel": row["channel"],
            "channel_id": row["channelId"],
            "non_action_path_taken": int(row["nonActionPathTaken"]),
        }


def _companies(context: RequestContext, only: set[int] | None) -> Iterator[Row]:
    for row in _only_rows(context.table("company_contacts"), only):
        yield {
            "company_id": row["company"],
            "lead_id": row["contact"],
            "date_added": _sql_datetime_or_none(row["date"]),
            "is_primary": int(row["primary"]),
        }


def _emails(context: RequestContext, only: set[int] | None) -> Iterator[Row]:
    for row in _only_rows(context.table("email_stats"), only):
        is_deleted = context.table("emails").get(row["email"]) is None
        yield {
            "id": row["id"],
            "email_id": None if is_deleted else row["email"],
            "lead_id": row["contact"],
            "email_address": row["address"],
            "date_sent": _sql_datetime_or_none(row["date"]),
            "is_read": 0,
            "is_failed": 0,
            "viewed_in_browser": 0,
            "tracking_hash": row["hash"],
            "retry_count": 0,
            "source": row.get("source", "api"),
            "source_id": row.get("sourceId", 0),
            "open_count": 0,
            "open_details": "a:0:{}",
        }


def _replies(context: RequestContext, only: set[int] | None) -> Iterator[Row]:
    for row in _only_rows(context.table("email_replies"), only):
        yield {
            "id": row["id"],
            "stat_id": row["stat"],
            "date_replied": _sql_datetime_or_none(row["date"]),
            "message_id": f"api-{row['id']}",
        }


def _submissions(context: RequestContext, only: set[int] | None) -> Iterator[Row]:
    for row in _only_rows(context.table("submissions"), only):
        yield {
            "id": row["id"],
            "form_id": row["form"],
            "lead_id": row["lead"],
            "tracking_id": row.get("tracking"),
            "date_submitted": _sql_datetime_or_none(row["date"]),
            "referer": row.get("referer", ""),
        }


def _addresses(context: RequestContext, only: set[int] | None) -> Iterator[Row]:
    for row in _only_rows(context.table("ips"), only):
        details = row.get("details")
        yield {"id": row["id"], "ip_address": row["ip"], "ip_details": details and php.serialized(details)}


def _event_log(context: RequestContext, only: set[int] | None) -> Iterator[Row]:
    for row in _only_rows(context.table("lead_event_log"), only):
        yield {
            "id": row["id"],
            "lead_id": row["contact"],
            "user_id": row["user"],
            "user_name": row["userName"],
            "bundle": row["bundle"],
            "object": row["object"],
            "action": row["action"],
            "object_id": row["objectId"],
            "date_added": _sql_datetime_or_none(row["date"]),
            "properties": to_json(row["properties"]).decode(),
        }


def _stage_changes(context: RequestContext, only: set[int] | None) -> Iterator[Row]:
    for row in _only_rows(context.table("stage_log"), only):
        yield {
            "id": row["id"],
            "lead_id": row["contact"],
            "stage_id": row["stage"],
            "event_name": row["name"],
            "action_name": "Manually Added",
            "date_added": _sql_datetime_or_none(row["date"]),
        }


def _page_hits(context: RequestContext, only: set[int] | None) -> Iterator[Row]:
    for row in _only_rows(context.table("page_hits"), only):
        yield {
            "id": row["id"],
            "lead_id": row["contact"],
            "ip_id": row["ip"],
            "device_id": row["device"],
            "date_hit": _sql_datetime_or_none(row["date"]),
            **dict.fromkeys(("country", "region", "city", "isp", "organization"), ""),
            "code": row["code"],
            "referer": row["referer"],
            "url": row["url"],
            "url_title": row["urlTitle"],
            "user_agent": row["userAgent"],
            "page_language": row["language"],
            "browser_languages": "a:0:{}",
            "tracking_id": row["trackingId"],
            "query": php.serialized(row["query"]),
        }


def _devices(context: RequestContext, only: set[int] | None) -> Iterator[Row]:
    for row in _only_rows(context.table("devices"), only):
        yield {
            "id": row["id"],
            "lead_id": row["lead"],
            "client_info": php.serialized(row["clientInfo"]),
            "device": row["device"],
            "device_os_name": row["deviceOsName"],
            "device_os_shortname": row["deviceOsShortName"],
            "device_os_version": row["deviceOsVersion"],
            "device_os_platform": row["deviceOsPlatform"],
            "device_brand": row["deviceBrand"],
            "device_model": row["deviceModel"],
            "date_added": _sql_datetime_or_none(row.get("dateAdded")),
            "tracking_id": row.get("trackingId"),
        }


def _do_not_contact(context: RequestContext, only: set[int] | None) -> Iterator[Row]:
    del only
    for contact in context.table("contacts"):
        for row in contact["dnc"]:
            yield {
                "id": row["id"],
                "lead_id": contact["id"],
                "date_added": _sql_datetime_or_none(row["dateAdded"]),
                "reason": row["reason"],
                "channel": row["channel"],
                "channel_id": row["channelId"],
                "comments": row["comments"],
            }


def _segments(context: RequestContext, only: set[int] | None) -> Iterator[Row]:
    for row in _only_rows(context.table("segment_contacts"), only):
        yield {
            "leadlist_id": row["segment"],
            "lead_id": row["contact"],
            "date_added": _sql_datetime_or_none(row["date"]),
            "manually_removed": int(row["removed"]),
            "manually_added": int(row["added"]),
        }


_SIGNS: Final = {True: "add (+)", False: "subtract (-)"}


def _points(context: RequestContext, only: set[int] | None) -> Iterator[Row]:
    for row in _only_rows(context.table("point_log"), only):
        yield {
            "id": row["id"],
            "lead_id": row["contact"],
            "ip_id": row.get("ip"),
            "group_id": row.get("group"),
            "type": row.get("type", "API"),
            "event_name": row.get("event") or _SIGNS[row["delta"] >= 0],
            "action_name": row.get("action") or "API",
            "delta": abs(row["delta"]),
            "date_added": _sql_datetime_or_none(row["date"]),
        }


def _utm(context: RequestContext, only: set[int] | None) -> Iterator[Row]:
    del only
    names = ("query", "referer", "url")
    for contact in context.table("contacts"):
        for row in contact["utm"]:
            values = {"id": row["id"], "lead_id": contact["id"], "date_added": _sql_datetime_or_none(row.get("date"))}
            values["user_agent"] = row.get("userAgent")
            for name in names:
                value = row.get(name)
                values[name] = php.serialized(value) if isinstance(value, (dict, list)) else value
            for name in ("utmCampaign", "utmContent", "utmMedium", "utmSource", "utmTerm"):
                values[f"utm_{name[3:].lower()}"] = row.get(name)
            yield values


ROWS: Final[dict[str, Callable[[RequestContext, set[int] | None], Iterator[Row]]]] = {
    "audit_log": _audit,
    "campaign_leads": _members,
    "campaign_lead_event_log": _campaign_log,
    "companies_leads": _companies,
    "email_stats": _emails,
    "email_stat_replies": _replies,
    "form_submissions": _submissions,
    "ip_addresses": _addresses,
    "lead_devices": _devices,
    "lead_event_log": _event_log,
    "lead_donotcontact": _do_not_contact,
    "lead_lists_leads": _segments,
    "lead_points_change_log": _points,
    "lead_stages_change_log": _stage_changes,
    "lead_utmtags": _utm,
    "page_hits": _page_hits,
}
"""Makers of rows; a table without one is empty."""
